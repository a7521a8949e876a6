// docs/alerts.md is the table that operators read: it says of each reason what the code does.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "lib/tls/negotiation.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using wire::AlertDescription;
struct Row {
  std::string alert;
  std::string when;
};
using Rows = std::map<std::string, Row>;  // of each reason, by their names

std::string name_of(AlertDescription alert) {
  switch (alert) {
    case AlertDescription::unexpected_message:
      return "unexpected_message";
    case AlertDescription::bad_record_mac:
      return "bad_record_mac";
    case AlertDescription::record_overflow:
      return "record_overflow";
    case AlertDescription::handshake_failure:
      return "handshake_failure";
    case AlertDescription::bad_certificate:
      return "bad_certificate";
    case AlertDescription::unsupported_certificate:
      return "unsupported_certificate";
    case AlertDescription::certificate_revoked:
      return "certificate_revoked";
    case AlertDescription::certificate_expired:
      return "certificate_expired";
    case AlertDescription::certificate_unknown:
      return "certificate_unknown";
    case AlertDescription::unknown_ca:
      return "unknown_ca";
    case AlertDescription::certificate_required:
      return "certificate_required";
    case AlertDescription::illegal_parameter:
      return "illegal_parameter";
    case AlertDescription::decode_error:
      return "decode_error";
    case AlertDescription::decrypt_error:
      return "decrypt_error";
    case AlertDescription::protocol_version:
      return "protocol_version";
    case AlertDescription::insufficient_security:
      return "insufficient_security";
    case AlertDescription::internal_error:
      return "internal_error";
    case AlertDescription::inappropriate_fallback:
      return "inappropriate_fallback";
    case AlertDescription::missing_extension:
      return "missing_extension";
    case AlertDescription::unrecognized_name:
      return "unrecognized_name";
    case AlertDescription::no_application_protocol:
      return "no_application_protocol";
    case AlertDescription::unsupported_extension:
      return "unsupported_extension";
    default:
      return "alert " + std::to_string(static_cast<unsigned>(alert));
  }
}

// documented reads rows like | `reason` | `alert` | when |; a cell without an alert's name alone
// says that the worker ends the connection without asking alert_of().
Rows documented() {
  Rows rows;
  std::ifstream in{SALLYPORT_ALERTS_DOCUMENT};
  const std::regex row{R"(\| `(\w+)` \| (.*?) \| (.*) \|)"};
  for (std::string line; std::getline(in, line);) {
    std::smatch cells;
    if (std::regex_match(line, cells, row)) rows[cells[1]] = {cells[2], cells[3]};
  }
  return rows;
}

TEST(AlertTable, IsWhatTheDocumentSays) {
  Rows table = documented();
  const std::regex section{R"(RFC \d+ (section|appendix) [A-Z0-9])"};
  for (std::size_t i = 1; i < stats::Descriptions<HandshakeFailure>::all.size(); ++i) {
    const auto failure = static_cast<HandshakeFailure>(i);
    const std::string name{stats::name_of(failure)};
    const auto row = table.extract(name);
    ASSERT_FALSE(row.empty()) << name << " is missing from " << SALLYPORT_ALERTS_DOCUMENT;
    const std::string& cell = row.mapped().alert;
    // Without an alert of its own a reason would be answered with internal_error.
    if (cell.ends_with("none")) {
      EXPECT_EQ(name_of(alert_of(failure)), "internal_error") << name;
    } else {
      EXPECT_EQ(cell, "`" + name_of(alert_of(failure)) + "`") << name;
      EXPECT_TRUE(std::regex_search(row.mapped().when, section)) << name << " names no section";
    }
  }
  for (const auto& [name, row] : table) ADD_FAILURE() << "there is no reason " << name;
}

}  // namespace
}  // namespace sallyport::tls
