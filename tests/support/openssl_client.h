// OpensslClient: OpenSSL's client on a Socket of the simulator.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/tcp_host.h"

namespace sallyport::testing {

struct OpensslClientOptions {
  int version = TLS1_3_VERSION;
  std::string cipher{};  // TLS 1.2 list or TLS 1.3 suites, empty: OpenSSL's own
  std::string groups{};  // "X25519:P-256"
  std::string alpn{};
  std::string server_name = "sallyport.test";
  std::uint16_t fragment = 0;            // when not 0, the most plaintext of a record: 512 at least
  std::size_t segment = 0;               // when not 0, every segment carries so many bytes
  std::uint8_t max_fragment_length = 0;  // RFC 6066 4: 1 to 4, or none
  bool encrypt_then_mac = true;          // RFC 7366, where the cipher suite has CBC
  bool tickets = true;                   // RFC 5077; without them TLS 1.2 has session IDs
  SSL_SESSION* session = nullptr;        // to be resumed
  X509* certificate = nullptr;           // to be shown when asked for, with its key
  EVP_PKEY* key = nullptr;
};

struct FreeSslSession {
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
};
using SslSession = std::unique_ptr<SSL_SESSION, FreeSslSession>;

class OpensslClient {
 public:
  explicit OpensslClient(Socket& socket, const OpensslClientOptions& options = {});
  ~OpensslClient();
  OpensslClient(const OpensslClient&) = delete;
  OpensslClient& operator=(const OpensslClient&) = delete;

  // step moves bytes between the socket and OpenSSL as far as they go.
  void step();
  void write(ByteView bytes) { to_write_.insert(to_write_.end(), bytes.begin(), bytes.end()); }
  void write(std::string_view text) {
    write(ByteView{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  // shutdown sends close_notify after everything that was written.
  void shutdown() { shutdown_ = true; }

  [[nodiscard]] bool is_established() const { return SSL_is_init_finished(ssl_) == 1; }
  [[nodiscard]] bool got_close_notify() const {
    return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  // error is OpenSSL's reason for failing, empty while all is well.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const Bytes& received() const { return received_; }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(received_.data()), received_.size()};
  }
  [[nodiscard]] SSL* ssl() { return ssl_; }
  [[nodiscard]] bool is_resumed() const { return SSL_session_reused(ssl_) == 1; }
  // take_session gives the newest session that may be resumed, or nullptr.
  [[nodiscard]] SslSession take_session() { return std::move(session_); }
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket& socket_;
  SSL_CTX* context_;
  SSL* ssl_;
  BIO* in_;
  BIO* out_;
  void send(ByteView bytes);

  std::size_t segment_;
  Bytes to_send_;  // with `segment_`: not given to the socket yet
  Bytes to_write_;
  Bytes received_;
  std::string error_;
  SslSession session_;
  bool shutdown_ = false;
  bool shut_ = false;
};

}  // namespace sallyport::testing
