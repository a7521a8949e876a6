// The key log of a build with unsafe_keylog, against what OpenSSL's client logs of the same
// connections.
#include "lib/tls/key_log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "tests/interop/openssl_site.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::tls {
namespace {

using testing::Client;
using testing::connect;
using testing::Delivery;
using testing::site;
using testing::TlsDriver;

static_assert(kHasKeyLog);

std::set<std::string> lines_of(const std::string& path) {
  std::set<std::string> lines;
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

// The client's lines of all connections.
std::set<std::string>& clients_lines() {
  static std::set<std::string> lines;
  return lines;
}

TEST(KeyLog, HasTheLinesThatTheClientHas) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path("keys");
  ASSERT_EQ(setenv("SSLKEYLOGFILE", path.c_str(), 1), 0);
  const ServerConfig config = site().config();
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Client client;
    SSL_CTX_set_min_proto_version(client.context(), version);
    SSL_CTX_set_max_proto_version(client.context(), version);
    SSL_CTX_set_keylog_callback(client.context(),
                                [](const SSL*, const char* line) { clients_lines().insert(line); });
    client.start();
    TlsDriver server{config, site().jobs()};
    ASSERT_TRUE(connect(client, server, Delivery::whole));
  }
  // [RFC 8446 7.1] OpenSSL also logs the exporter secret, which we have no use for.
  std::erase_if(clients_lines(),
                [](const std::string& line) { return line.starts_with("EXPORTER_SECRET"); });
  EXPECT_EQ(clients_lines().size(), 5U);
  EXPECT_EQ(lines_of(path), clients_lines());
}

}  // namespace
}  // namespace sallyport::tls
