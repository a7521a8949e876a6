// OpensslBackend: OpenSSL's server behind the addresses of a Simulation's backends.  It answers
// every byte with itself, or a request with a page.
#pragma once
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/authority.h"
#include "tests/support/simulation.h"

namespace sallyport::testing {

struct OpensslBackendOptions {
  int version = 0;  // 0: whatever the peer likes best
  std::string groups{};
  std::string alpn{};  // the one protocol that it agrees to
  bool tickets = true;
  bool session_ids = false;  // without tickets, in TLS 1.2: it keeps sessions itself
  // End is what it does when it has said everything: a page is over, or the peer has closed.
  enum class End : std::uint8_t {
    properly,      // close_notify, then FIN
    close_notify,  // alone: TCP stays open
    fin,           // alone
    reset,
  };
  End end = End::properly;
  // When set, it answers each request that ends in an empty line with so many bytes, and ends.
  std::optional<std::size_t> page{};
  bool plaintext = false;     // no TLS at all: to compare with
  bool answers_late = false;  // only when its peer has closed: across a half-closed connection
  // mute takes a connection and says nothing; rude takes it and closes at once.
  bool mute = false;
  bool rude = false;
  // So many bytes at the end of its first flight it keeps back, and all that would come later.
  std::size_t keeps_back = 0;
};

class OpensslBackend {
 public:
  // Session is one accepted connection.
  struct Session {
    Socket* socket = nullptr;
    SSL* ssl = nullptr;
    Bytes received;  // plaintext
    Bytes to_write;
    bool asked = false;
    bool stalls = false;
    bool ended = false;
    std::string error;
    std::size_t wire_bytes = 0;  // received from the network
  };

  // The certificate has to outlive this object.
  OpensslBackend(Simulation& sim, const Member& member, const OpensslBackendOptions& options = {},
                 std::vector<std::size_t> places = {0, 1});
  ~OpensslBackend();
  OpensslBackend(const OpensslBackend&) = delete;
  OpensslBackend& operator=(const OpensslBackend&) = delete;

  void step();
  [[nodiscard]] std::vector<std::unique_ptr<Session>>& sessions() { return sessions_; }
  [[nodiscard]] std::size_t num_established() const;
  [[nodiscard]] std::size_t num_resumed() const;
  [[nodiscard]] std::size_t received() const;
  // server_name is what the last client asked for.
  [[nodiscard]] std::string server_name() const;
  [[nodiscard]] const Bytes& page() const { return page_; }
  OpensslBackendOptions& options() { return options_; }

 private:
  void step(Session& s);
  void step_in_plaintext(Session& s);
  void end(Session& s);

  OpensslBackendOptions options_;
  SSL_CTX* context_;
  Bytes page_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace sallyport::testing
