// After a handshake no copy of a secret that has done its work lies about: heap, stack and static
// data are searched for every secret that the key log of a build with unsafe_keylog has told, and
// for what the key exchange began with.
//
// The client is another process, or its copies would be found.  What is searched for is kept
// masked.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "lib/tls/key_log.h"
#include "tests/interop/openssl_site.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::tls {
namespace {

using testing::Bytes;
using testing::Client;
using testing::site;
using testing::TlsDriver;

static_assert(kHasKeyLog);

constexpr std::uint8_t kMask = 0xa5;

// Masked is a secret that does not look like itself.
class Masked {
 public:
  explicit Masked(ByteView secret) {
    for (const std::uint8_t byte : secret) bytes_.push_back(byte ^ kMask);
  }
  // already takes bytes that are masked.
  [[nodiscard]] static Masked already(std::vector<std::uint8_t> bytes) {
    Masked masked{{}};
    masked.bytes_ = std::move(bytes);
    return masked;
  }
  // is_at: the secret lies at `memory`, which is at least as long.
  [[nodiscard]] bool is_at(const std::uint8_t* memory) const {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if ((memory[i] ^ bytes_[i]) != kMask) return false;
    }
    return true;
  }
  [[nodiscard]] int first() const { return bytes_[0] ^ kMask; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::uint8_t> bytes_;
};

struct Region {
  const std::uint8_t* begin;
  const std::uint8_t* end;
};

// writable_memory is all that this process may have left something in.
std::vector<Region> writable_memory() {
  std::vector<Region> regions;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" rw-p ") == std::string::npos) continue;
    char* rest = nullptr;
    const auto begin = std::strtoull(line.c_str(), &rest, 16);
    const auto end = std::strtoull(rest + 1, nullptr, 16);
    regions.push_back(
        {reinterpret_cast<const std::uint8_t*>(begin), reinterpret_cast<const std::uint8_t*>(end)});
  }
  return regions;
}

int copies_of(const Masked& secret) {
  int copies = 0;
  for (const Region& region : writable_memory()) {
    const std::uint8_t* at = region.begin;
    while (static_cast<std::size_t>(region.end - at) >= secret.size()) {
      const auto* const found = static_cast<const std::uint8_t*>(std::memchr(
          at, secret.first(), static_cast<std::size_t>(region.end - at) - secret.size() + 1));
      if (found == nullptr) break;
      if (secret.is_at(found)) ++copies;
      at = found + 1;
    }
  }
  return copies;
}

using Secrets = std::multimap<std::string, Masked>;

// secrets_in reads a key log: label, client random, secret.
Secrets secrets_in(const std::string& path) {
  Secrets secrets;
  std::ifstream in{path};
  for (std::string label, random, hex; in >> label >> random >> hex;) {
    std::vector<std::uint8_t> masked;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      const auto byte = std::strtoul(hex.substr(i, 2).c_str(), nullptr, 16);
      masked.push_back(static_cast<std::uint8_t>(byte ^ kMask));
    }
    secrets.emplace(label, Masked::already(std::move(masked)));
  }
  return secrets;
}

// ObservedJobs notes what comes out of key exchanges.
class ObservedJobs : public testing::JobRunner {
 public:
  crypto::KeyShare make_key_share(crypto::NamedGroup group) override {
    crypto::KeyShare share = site().jobs().make_key_share(group);
    seen.emplace("ephemeral private key", ByteView{share.private_key}.first(share.private_len));
    return share;
  }
  void run(crypto::CryptoJob& job) override {
    site().jobs().run(job);
    if (job.shared_secret_len == 0) return;
    seen.emplace("shared secret", ByteView{job.shared_secret}.first(job.shared_secret_len));
  }
  Secrets seen;
};

[[noreturn]] void be_client(int fd, int version, const char* groups) {
  Client client;
  SSL_CTX_set_min_proto_version(client.context(), version);
  SSL_CTX_set_max_proto_version(client.context(), version);
  SSL_CTX_set1_groups_list(client.context(), groups);
  SSL* const ssl = client.start();
  SSL_set_fd(ssl, fd);
  bool ok = SSL_connect(ssl) == 1;
  Bytes some(100);
  while (ok && SSL_read(ssl, some.data(), 100) > 0) {
  }
  _exit(ok ? 0 : 1);
}

// handshake takes the server to the end of its handshake with the client behind `fd`.
void handshake(TlsDriver& server, int fd) {
  Bytes room(20'000);
  while (!server.server().is_established()) {
    const ssize_t n = recv(fd, room.data(), room.size(), 0);
    ASSERT_GT(n, 0);
    server.feed(ByteView{room}.first(static_cast<std::size_t>(n)));
    const Bytes out = server.take_output();
    ASSERT_EQ(send(fd, out.data(), out.size(), MSG_NOSIGNAL), static_cast<ssize_t>(out.size()));
  }
}

struct Form {
  const char* name;
  int version;
  const char* groups;
};

class SecretScan : public ::testing::TestWithParam<Form> {
 protected:
  static void SetUpTestSuite() {
    directory = new testing::TemporaryDirectory;
    setenv("SSLKEYLOGFILE", path().c_str(), 1);
    (void)site();
  }
  static void TearDownTestSuite() { delete directory; }
  static std::string path() { return directory->path("keys"); }
  static testing::TemporaryDirectory* directory;
};
testing::TemporaryDirectory* SecretScan::directory = nullptr;

TEST_P(SecretScan, FindsNoSecretOfAHandshakeThatIsOver) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(fds[0]);
    be_client(fds[1], GetParam().version, GetParam().groups);
  }
  close(fds[1]);
  std::ofstream{path(), std::ios::trunc};

  const ServerConfig config = site().config();
  ObservedJobs jobs;
  Secrets secrets;
  {
    TlsDriver server{config, jobs};
    ASSERT_NO_FATAL_FAILURE(handshake(server, fds[0]));
    secrets = secrets_in(path());
    secrets.merge(jobs.seen);
    // Whoever seals records needs these; that they are found shows that the search works.
    if (GetParam().version == TLS1_3_VERSION) {
      for (const char* kept : {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}) {
        ASSERT_EQ(secrets.count(kept), 1U);
        EXPECT_EQ(copies_of(secrets.find(kept)->second), 1) << kept;
      }
    }
    for (const auto& [label, secret] : secrets) {
      if (label.find("TRAFFIC_SECRET_0") != std::string::npos) continue;
      EXPECT_EQ(copies_of(secret), 0) << label << " while the connection lasts";
    }
  }
  EXPECT_GE(secrets.size(), GetParam().version == TLS1_3_VERSION ? 6U : 3U);
  for (const auto& [label, secret] : secrets) {
    EXPECT_EQ(copies_of(secret), 0) << label << " after its end";
  }
  shutdown(fds[0], SHUT_WR);  // it may still answer with an alert
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  close(fds[0]);
  EXPECT_EQ(status, 0) << "the client's end";
}

INSTANTIATE_TEST_SUITE_P(Handshakes, SecretScan,
                         ::testing::Values(Form{"Tls13X25519", TLS1_3_VERSION, "X25519"},
                                           Form{"Tls13P256", TLS1_3_VERSION, "P-256"},
                                           Form{"Tls13Retried", TLS1_3_VERSION, "P-521:P-256"},
                                           Form{"Tls12X25519", TLS1_2_VERSION, "X25519"},
                                           Form{"Tls12P256", TLS1_2_VERSION, "P-256"}),
                         [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace sallyport::tls
