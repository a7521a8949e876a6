#include "lib/tls/client_fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/text.h"
#include "lib/tls/hello_notes.h"
#include "lib/wire/writer.h"
#include "tests/support/hex.h"

namespace sallyport::tls {
namespace {

using Numbers = std::vector<std::uint16_t>;
using Bytes = std::vector<std::uint8_t>;

struct Extension {
  std::uint16_t type;
  Bytes body{};
};

Bytes made(const std::function<void(wire::Writer&)>& write) {
  Bytes room(65'535);
  wire::Writer w{room};
  write(w);
  room.resize(w.size());
  return room;
}
Bytes numbers16(const Numbers& numbers) {
  return made([&](wire::Writer& w) {
    w.vec16([&] {
      for (const std::uint16_t n : numbers) w.u16(n);
    });
  });
}
Extension server_name() {
  return {0, made([](wire::Writer& w) {
            w.vec16([&] {
              w.u8(0);
              w.vec16(as_bytes("sallyport.test"));
            });
          })};
}
Extension groups(const Numbers& numbers) { return {10, numbers16(numbers)}; }
Extension point_formats() { return {11, {1, 0}}; }
Extension algorithms(const Numbers& numbers) { return {13, numbers16(numbers)}; }
Extension protocol(std::string_view name) {
  return {16, made([&](wire::Writer& w) { w.vec16([&] { w.vec8(as_bytes(name)); }); })};
}
Extension versions(const Numbers& numbers) {
  return {43, made([&](wire::Writer& w) {
            w.vec8([&] {
              for (const std::uint16_t n : numbers) w.u16(n);
            });
          })};
}
Extension key_share() { return {51, {0, 0}}; }

ClientFingerprint of(std::uint16_t version, const Numbers& suites,
                     const std::vector<Extension>& extensions) {
  const Bytes body = made([&](wire::Writer& w) {
    w.u16(version);
    w.zeros(32);
    w.vec8(ByteView{});
    w.bytes(numbers16(suites));
    w.vec8(ByteView{Bytes{0}});
    if (extensions.empty()) return;
    w.vec16([&] {
      for (const Extension& e : extensions) {
        w.u16(e.type);
        w.vec16(ByteView{e.body});
      }
    });
  });
  const auto hello = wire::parse_client_hello(body);
  EXPECT_TRUE(hello);
  return hello ? fingerprint_of(*hello) : ClientFingerprint{};
}

std::string ja3(const ClientFingerprint& f) { return testing::hex(f.ja3); }
std::string ja4(const ClientFingerprint& f) { return std::string{f.ja4()}; }

// The examples with which their authors explain JA3.
TEST(Ja3, IsWhatItsAuthorsComputed) {
  EXPECT_EQ(ja3(of(769, {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4},
                   {server_name(), groups({23, 24, 25}), point_formats()})),
            "ada70206e40642a3e4461f35503241d5");
  EXPECT_EQ(ja3(of(769, {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, {})),
            "de350869b8c85de67a350c8d186f11e6");
}

const Numbers kBrowserSuites{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
                             0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
const Numbers kBrowserAlgorithms{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};

std::vector<Extension> browser_extensions() {
  return {{27, {2, 0, 2}},
          server_name(),
          {51, {0, 0}},
          protocol("h2"),
          {17513, {}},
          {23, {}},
          {45, {1, 1}},
          algorithms(kBrowserAlgorithms),
          {5, {1, 0, 0, 0, 0}},
          {35, {}},
          {18, {}},
          versions({0x0304, 0x0303}),
          {65281, {0}},
          point_formats(),
          groups({29, 23, 24}),
          {21, {}}};
}

// The example of JA4's specification.
TEST(Ja4, IsWhatItsAuthorsComputed) {
  EXPECT_EQ(ja4(of(0x0303, kBrowserSuites, browser_extensions())),
            "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4, DoesNotDependOnAnOrderThatIsDrawn) {
  auto suites = kBrowserSuites;
  auto extensions = browser_extensions();
  const auto before = of(0x0303, suites, extensions);
  std::ranges::reverse(suites);
  std::ranges::rotate(extensions, extensions.begin() + 5);
  const auto after = of(0x0303, suites, extensions);
  EXPECT_EQ(ja4(before), ja4(after));
  EXPECT_NE(ja3(before), ja3(after)) << "this one does";
}

TEST(Ja4, DependsOnTheOrderOfSignatureAlgorithms) {
  auto turned = kBrowserAlgorithms;
  std::ranges::reverse(turned);
  EXPECT_NE(ja4(of(0x0303, {0x1301}, {algorithms(kBrowserAlgorithms)})),
            ja4(of(0x0303, {0x1301}, {algorithms(turned)})));
}

TEST(Fingerprints, IgnoreGrease) {
  const auto plain =
      of(0x0303, {0x1301, 0x1302}, {groups({29, 23}), algorithms({0x0403}), versions({0x0304})});
  const auto greased = of(0x0303, {0x0a0a, 0x1301, 0xfafa, 0x1302},
                          {{0x1a1a, {}},
                           groups({0x2a2a, 29, 23}),
                           algorithms({0x3a3a, 0x0403}),
                           versions({0xbaba, 0x0304}),
                           {0xeaea, {0}}});
  EXPECT_EQ(ja3(plain), ja3(greased));
  EXPECT_EQ(ja4(plain), ja4(greased));
  const auto similar = of(0x0303, {0x0a1a, 0x1301, 0x1302},
                          {groups({29, 23}), algorithms({0x0403}), versions({0x0304})});
  EXPECT_NE(ja4(plain), ja4(similar)) << "that is no GREASE";
}

TEST(Ja4, BeginsWithVersionNameCountsAndProtocol) {
  const auto front = [](const ClientFingerprint& f) { return ja4(f).substr(0, 10); };
  EXPECT_EQ(front(of(0x0303, {1}, {})), "t12i010000");
  EXPECT_EQ(front(of(0x0301, {1, 2}, {server_name()})), "t10d020100");
  EXPECT_EQ(front(of(0x0302, {1}, {})), "t11i010000");
  EXPECT_EQ(front(of(0x0300, {1}, {})), "ts3i010000");
  EXPECT_EQ(front(of(0x7f00, {1}, {})), "t00i010000");
  EXPECT_EQ(front(of(0x0303, {1}, {versions({0x0303, 0x0304}), key_share()})), "t13i010200");
  EXPECT_EQ(front(of(0x0301, {1}, {versions({0x0302})})), "t11i010100");
  Numbers many(120);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::uint16_t>(i + 1);
  EXPECT_EQ(front(of(0x0303, many, {})), "t12i990000");
  const auto marks = [&](std::string_view name) {
    return front(of(0x0303, {1}, {protocol(name)})).substr(8);
  };
  EXPECT_EQ(marks("h2"), "h2");
  EXPECT_EQ(marks("http/1.1"), "h1");
  EXPECT_EQ(marks("x"), "xx");
  EXPECT_EQ(marks("\xab"), "ab");
  EXPECT_EQ(marks("\xab\xcd"), "ad");
  EXPECT_EQ(marks("0\xab"), "3b");
  EXPECT_EQ(marks("0\x31\xab\xcd"), "3d");
  EXPECT_EQ(marks("h2-"), "6d");
}

TEST(Ja4, HasZerosWhereNothingIsHashed) {
  EXPECT_EQ(ja4(of(0x0303, {0x1301}, {})).substr(24), "000000000000");
  EXPECT_EQ(ja4(of(0x0303, {0x1301}, {server_name(), protocol("h2")})).substr(24), "000000000000")
      << "these two belong to the site";
  EXPECT_EQ(ja4(of(0x0303, {0x0a0a}, {})), "t12i000000_000000000000_000000000000");
}

TEST(Fingerprints, AreNotTakenOfMoreThanAnyProgramOffers) {
  Numbers suites(ClientFingerprint::kMaxListed);
  for (std::size_t i = 0; i < suites.size(); ++i) suites[i] = static_cast<std::uint16_t>(i + 1);
  EXPECT_TRUE(of(0x0303, suites, {}).known);
  suites.push_back(0x1301);
  const auto none = of(0x0303, suites, {});
  EXPECT_FALSE(none.known);
  EXPECT_EQ(none.ja4(), "");
  suites.back() = 0x2a2a;
  EXPECT_TRUE(of(0x0303, suites, {}).known) << "GREASE does not count";
  std::vector<Extension> extensions;
  for (std::uint16_t type = 1'000; type < 1'300; ++type) extensions.push_back({type, {}});
  EXPECT_FALSE(of(0x0303, {1}, extensions).known);
}

TEST(HelloNotes, KeepNamesOfHostsAlone) {
  HelloNotes notes;
  notes.note_server_name(as_bytes("Www_1.sally-port.test"));
  EXPECT_TRUE(std::ranges::equal(notes.server_name(), as_bytes("Www_1.sally-port.test")));
  for (const std::string& name :
       {std::string{"two\nlines"}, std::string{"a b"}, std::string{"\xff"}, std::string{"nul\0", 4},
        std::string(256, 'a')}) {
    notes.note_server_name(as_bytes(name));
    EXPECT_TRUE(notes.server_name().empty()) << name;
  }
  notes.note_server_name(as_bytes(std::string(255, 'a')));
  EXPECT_EQ(notes.server_name().size(), 255U);
}

}  // namespace
}  // namespace sallyport::tls
