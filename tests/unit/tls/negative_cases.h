// What is said wrongly on purpose: the tables of negative cases, for those who count them and read
// the clauses that they name.
#pragma once

#include <string>
#include <vector>

namespace sallyport::tls {

struct NegativeCase {
  std::string name;
  std::string clause;  // "RFC 8446 4.2.8"; several are divided by ", "
};

[[nodiscard]] std::vector<NegativeCase> server_rejections();   // rejection_test.cc
[[nodiscard]] std::vector<NegativeCase> client_rejections();   // client_rejection_test.cc
[[nodiscard]] std::vector<NegativeCase> client_auth_wrongs();  // client_auth_test.cc
[[nodiscard]] std::vector<NegativeCase> order_cases();         // order_test.cc

}  // namespace sallyport::tls
