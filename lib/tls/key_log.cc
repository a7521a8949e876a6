#include "lib/tls/key_log.h"

#ifdef SALLYPORT_UNSAFE_KEYLOG
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "lib/base/text.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/wire/tls_client_hello.h"

namespace sallyport::tls {
namespace {

// The label, then client random and secret in hexadecimal.
constexpr std::size_t kMaxLabel = 32;
constexpr std::size_t kMaxLine =
    kMaxLabel + 1 + 2 * wire::ClientHello::kRandomLen + 1 + 2 * crypto::kMaxDigestLen + 1;

[[nodiscard]] std::string_view label_of(LoggedSecret which) noexcept {
  switch (which) {
    case LoggedSecret::master12:
      return "CLIENT_RANDOM";
    case LoggedSecret::client_handshake:
      return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    case LoggedSecret::server_handshake:
      return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    case LoggedSecret::client_application:
      return "CLIENT_TRAFFIC_SECRET_0";
    case LoggedSecret::server_application:
      return "SERVER_TRAFFIC_SECRET_0";
  }
  return {};
}

class Line {
 public:
  void add(char c) noexcept {
    if (len_ < bytes_.size()) bytes_[len_++] = c;
  }
  void add(std::string_view text) noexcept {
    for (const char c : text) add(c);
  }
  void add_hex(ByteView bytes) noexcept {
    put_hex(bytes, [this](char digit) { add(digit); });
  }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), len_}; }

 private:
  std::array<char, kMaxLine> bytes_;
  std::size_t len_ = 0;
};

[[nodiscard]] int open_log() noexcept {
  const char* const path = std::getenv("SSLKEYLOGFILE");
  return path == nullptr ? -1 : ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

void log_secret(LoggedSecret which, ByteView client_random, ByteView secret) noexcept {
  static const int file = open_log();
  if (file < 0) return;
  Line line;
  line.add(label_of(which));
  line.add(' ');
  line.add_hex(client_random);
  line.add(' ');
  line.add_hex(secret);
  line.add('\n');
  // One call for a line: lines of several workers do not mix.  What cannot be written is missing
  // from the log and nowhere else.
  [[maybe_unused]] const auto written = ::write(file, line.text().data(), line.text().size());
}

}  // namespace sallyport::tls
#endif
