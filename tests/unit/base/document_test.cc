#include "lib/base/document.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Document, WritesItsEntriesInTheirOrder) {
  Document inner;
  inner.add("b", 2U).add("a", "x");
  Document outer;
  outer.add("z", 18'446'744'073'709'551'615U)
      .add("inner", std::move(inner))
      .add("empty", Document{});
  EXPECT_EQ(to_json(outer), R"({"z":18446744073709551615,"inner":{"b":2,"a":"x"},"empty":{}})");
}

TEST(Document, EscapesWhatJsonDoesNotAllow) {
  Document d;
  d.add("t", std::string_view{
                 "quote\" back\\ tab\t nul\0 bad\xff\xc0\xaf half\xe2\x82 euro\xe2\x82\xac", 44});
  EXPECT_EQ(to_json(d),
            "{\"t\":\"quote\\\" back\\\\ tab\\u0009 nul\\u0000 bad\\ufffd\\ufffd\\ufffd "
            "half\\ufffd\\ufffd euro\xe2\x82\xac\"}");
}

TEST(Document, FindsAnEntryByName) {
  Document d;
  d.add("count", 7U);
  ASSERT_NE(d.find("count"), nullptr);
  EXPECT_EQ(std::get<std::uint64_t>(*d.find("count")), 7U);
  EXPECT_EQ(d.find("other"), nullptr);
}

TEST(Document, KnowsWhatTelemetryCannotCarry) {
  Document good;
  good.add("a/b_9", std::string(Document::kMaxText, 'x'));
  EXPECT_TRUE(good.fits());

  Document long_text;
  long_text.add("a", std::string(Document::kMaxText + 1, 'x'));
  Document bad_name;
  bad_name.add("198.18.0.1", 1U);
  Document too_many;
  for (std::size_t i = 0; i <= Document::kMaxEntries; ++i) too_many.add(std::to_string(i), i);
  for (const Document& child : {long_text, bad_name, too_many}) {
    EXPECT_FALSE(child.fits());
    Document parent;
    parent.add("child", child);
    EXPECT_FALSE(parent.fits());
  }
}

}  // namespace
}  // namespace sallyport
