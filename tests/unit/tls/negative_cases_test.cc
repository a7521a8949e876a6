// Every negative case names the clause of an RFC.
#include "tests/unit/tls/negative_cases.h"

#include <gtest/gtest.h>

#include <regex>

namespace sallyport::tls {
namespace {

void expect_clauses(const std::vector<NegativeCase>& cases) {
  const std::regex one{R"(RFC \d+ ([A-Z]|\d+)(\.\d+)*(, RFC \d+ ([A-Z]|\d+)(\.\d+)*)*)"};
  for (const NegativeCase& c : cases) {
    EXPECT_TRUE(std::regex_match(c.clause, one)) << c.name << " names \"" << c.clause << '"';
  }
}

TEST(NegativeCases, NameAClause) {
  expect_clauses(server_rejections());
  expect_clauses(client_rejections());
  expect_clauses(client_auth_wrongs());
  expect_clauses(order_cases());
}

// The products of order_test.cc come on top: these were written one by one.
TEST(NegativeCases, AreAtLeastThreeHundred) {
  EXPECT_GE(server_rejections().size() + client_rejections().size() + client_auth_wrongs().size(),
            300U);
  EXPECT_GE(order_cases().size(), 150U);
}

}  // namespace
}  // namespace sallyport::tls
