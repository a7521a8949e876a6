// After a handshake no copy of a secret that has done its work lies about: heap, stack and static
// data are searched for every secret that the key log of a build with unsafe_keylog has told, and
// for what the key exchange began with.
//
// The client is another process, or its copies would be found.  What is searched for is kept
// masked.
#include <gtest/gtest.h>
#include <openssl/err.h>
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

#include "lib/crypto/kx/ffdhe.h"
#include "lib/tls/key_log.h"
#include "tests/interop/openssl_site.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/tls/ticket_keys.h"

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
    if (job.shared_secret_len != 0) {
      seen.emplace("shared secret", ByteView{job.shared_secret}.first(job.shared_secret_len));
    }
    if (!crypto::is_finite_field(job.group)) return;
    if (job.kind == crypto::JobKind::tls12_derive) {
      seen.emplace("shared secret", ByteView{job.wide}.first(job.wide_len));
    } else {
      seen.emplace("ephemeral private key",
                   ByteView{job.ephemeral.private_key}.first(job.ephemeral.private_len));
    }
  }
  Secrets seen;
};

struct Form {
  const char* name;
  int version;
  const char* groups;
  const char* cipher;  // of TLS 1.2; empty: any
  bool resumed;
  std::size_t least_secrets;  // as many are searched for
};

// ClientProcess is the other end, once or twice: the second time with what it got at the first.
class ClientProcess {
 public:
  explicit ClientProcess(const Form& form) {
    for (auto& pair : sockets_) EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    EXPECT_EQ(pipe(told_), 0);
    child_ = fork();
    EXPECT_GE(child_, 0);
    if (child_ == 0) {
      for (const auto& pair : sockets_) close(pair[0]);
      run(form);
    }
    for (const auto& pair : sockets_) close(pair[1]);
    close(told_[1]);
  }
  ~ClientProcess() {
    for (const auto& pair : sockets_) close(pair[0]);
    close(told_[0]);
  }
  ClientProcess(const ClientProcess&) = delete;
  ClientProcess& operator=(const ClientProcess&) = delete;

  [[nodiscard]] int fd(std::size_t connection) const { return sockets_[connection][0]; }
  // say_goodbye ends a connection; the client may still answer with an alert.
  void say_goodbye(std::size_t connection) const { shutdown(fd(connection), SHUT_WR); }
  // take_secret is that of the session which the client took along from its first connection.
  [[nodiscard]] Masked take_secret() const {
    std::vector<std::uint8_t> masked(SSL_MAX_MASTER_KEY_LENGTH);
    const ssize_t n = read(told_[0], masked.data(), masked.size());
    EXPECT_GT(n, 0) << "the client got no session";
    masked.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 1)));
    return Masked::already(std::move(masked));
  }
  [[nodiscard]] int exit_status() const {
    int status = -1;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    return status;
  }

 private:
  [[noreturn]] void run(const Form& form) {
    static SSL_SESSION* session = nullptr;
    bool ok = true;
    for (std::size_t i = 0; ok && i < (form.resumed ? 2U : 1U); ++i) {
      Client client;
      SSL_CTX* const context = client.context();
      SSL_CTX_set_min_proto_version(context, form.version);
      SSL_CTX_set_max_proto_version(context, form.version);
      SSL_CTX_set1_groups_list(context, form.groups);
      if (form.cipher[0] != 0) SSL_CTX_set_cipher_list(context, form.cipher);
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
      SSL_CTX_sess_set_new_cb(context, [](SSL*, SSL_SESSION* made) {
        // A copy, because a connection that ends without a word spoils its session.
        session = SSL_SESSION_dup(made);
        return 0;
      });
      SSL* const ssl = client.start();
      if (session != nullptr) SSL_set_session(ssl, session);
      SSL_set_fd(ssl, sockets_[i][1]);
      ok = SSL_connect(ssl) == 1 && SSL_session_reused(ssl) == (i == 1 ? 1 : 0);
      Bytes some(100);
      while (ok && SSL_read(ssl, some.data(), 100) > 0) {
      }
      if (i == 0) tell_secret(session);
    }
    if (!ok) ERR_print_errors_fp(stderr);
    _exit(ok ? 0 : 1);
  }
  void tell_secret(const SSL_SESSION* session) const {
    if (session == nullptr) return;
    Bytes secret(SSL_SESSION_get_master_key(session, nullptr, 0));
    SSL_SESSION_get_master_key(session, secret.data(), secret.size());
    for (std::uint8_t& byte : secret) byte ^= kMask;
    if (write(told_[1], secret.data(), secret.size()) < 0) _exit(1);
  }

  int sockets_[2][2]{};
  int told_[2]{};
  pid_t child_ = -1;
};

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

class SecretScan : public ::testing::TestWithParam<Form> {
 protected:
  SecretScan() {
    fill(keys_);
    config_.tickets = {.enabled = true, .lifetime_seconds = 3'600, .domain = "web"};
    config_.cipher_suites.insert(config_.cipher_suites.end(), {0x009c, 0x009e, 0xc009});
    config_.groups.push_back(crypto::NamedGroup::ffdhe2048);
  }
  static void SetUpTestSuite() {
    directory = new testing::TemporaryDirectory;
    setenv("SSLKEYLOGFILE", path().c_str(), 1);
    (void)site();
  }
  static void TearDownTestSuite() { delete directory; }
  static std::string path() { return directory->path("keys"); }

  // meet takes one connection to its end, and searches meanwhile and afterwards for what it was
  // about, and for `more`.
  void meet(int fd, Secrets more) {
    std::ofstream{path(), std::ios::trunc};
    ObservedJobs jobs;
    Secrets secrets;
    {
      TlsDriver server{config_, jobs};
      server.engine().use_tickets(&keys_, {server.now, 1'800'000'000'000});
      ASSERT_NO_FATAL_FAILURE(handshake(server, fd));
      EXPECT_EQ(server.server().is_resumed(), GetParam().resumed);
      secrets = secrets_in(path());
      secrets.merge(jobs.seen);
      secrets.merge(more);
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
    EXPECT_GE(secrets.size(), GetParam().least_secrets);
    for (const auto& [label, secret] : secrets) {
      EXPECT_EQ(copies_of(secret), 0) << label << " after its end";
    }
  }

  static testing::TemporaryDirectory* directory;
  ServerConfig config_ = site().config();
  TicketKeys keys_;
};
testing::TemporaryDirectory* SecretScan::directory = nullptr;

TEST_P(SecretScan, FindsNoSecretOfAHandshakeThatIsOver) {
  const ClientProcess client{GetParam()};
  if (!GetParam().resumed) {
    ASSERT_NO_FATAL_FAILURE(meet(client.fd(0), {}));
    client.say_goodbye(0);
  } else {
    {
      ObservedJobs jobs;
      TlsDriver server{config_, jobs};
      server.engine().use_tickets(&keys_, {server.now, 1'800'000'000'000});
      ASSERT_NO_FATAL_FAILURE(handshake(server, client.fd(0)));
    }
    client.say_goodbye(0);
    Secrets of_session;
    of_session.emplace("secret of the session", client.take_secret());
    ASSERT_NO_FATAL_FAILURE(meet(client.fd(1), std::move(of_session)));
    client.say_goodbye(1);
  }
  EXPECT_EQ(client.exit_status(), 0) << "the client's end";
}

INSTANTIATE_TEST_SUITE_P(
    Handshakes, SecretScan,
    ::testing::Values(Form{"Tls13X25519", TLS1_3_VERSION, "X25519", "", false, 6},
                      Form{"Tls13P256", TLS1_3_VERSION, "P-256", "", false, 6},
                      Form{"Tls13Retried", TLS1_3_VERSION, "P-521:P-256", "", false, 6},
                      Form{"Tls13Resumed", TLS1_3_VERSION, "X25519", "", true, 7},
                      Form{"Tls12X25519", TLS1_2_VERSION, "X25519", "", false, 3},
                      Form{"Tls12P256", TLS1_2_VERSION, "P-256", "", false, 3},
                      Form{"Tls12Resumed", TLS1_2_VERSION, "X25519", "", true, 2},
                      Form{"Tls12Cbc", TLS1_2_VERSION, "P-256", "ECDHE-ECDSA-AES128-SHA", false, 3},
                      Form{"Tls12RsaKeyExchange", TLS1_2_VERSION, "X25519", "AES128-GCM-SHA256",
                           false, 2},
                      Form{"Tls12FiniteField", TLS1_2_VERSION, "ffdhe2048",
                           "DHE-RSA-AES128-GCM-SHA256", false, 3}),
    [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace sallyport::tls
