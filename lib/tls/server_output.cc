// Server, records out: the flight, key updates, alerts, application data.
#include <algorithm>
#include <utility>

#include "lib/crypto/kx/ffdhe.h"
#include "lib/tls/pieces.h"
#include "lib/tls/server.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using crypto::AeadAlgorithm;
using wire::ContentType;
using wire::ProtocolVersion;
using wire::RecordHeader;

}  // namespace

bool Server::has_flight(const Handshake* handshake) const noexcept {
  return handshake != nullptr && phase_ != Phase::failed && phase_ != Phase::closed &&
         !handshake->flight.empty() && !is_flight_incomplete();
}

// is_flight_incomplete: the first flight has begun, but its end waits for the signature.  It goes
// out in one piece.
bool Server::is_flight_incomplete() const noexcept { return phase_ == Phase::exchange; }

bool Server::has_output(const Handshake* handshake) const noexcept {
  return alert_pending_ || key_update_pending_ || has_flight(handshake);
}

Pulled Server::pull(Engine& engine, Handshake* handshake, MutableBytes room) noexcept {
  Pulled pulled;
  while (has_output(handshake)) {
    const MutableBytes rest = room.subspan(pulled.len);
    std::size_t n = 0;
    if (has_flight(handshake)) {
      Flight& flight = handshake->flight;
      switch (flight.next()) {
        case Flight::Part::messages:
        case Flight::Part::certificate:
        case Flight::Part::certificate_request:
        case Flight::Part::prime:
          n = put_messages(engine, *handshake, rest);
          break;
        case Flight::Part::change_cipher_spec:
          n = put_change_cipher_spec(rest);
          if (n != 0) flight.pop();
          break;
        case Flight::Part::protect:
          write_protected_ = true;
          flight.pop();
          continue;
        case Flight::Part::application_keys:
          write_secret_ = std::move(handshake->server_application);
          write_secret_.derive_keys(aead_, write_);
          flight.pop();
          continue;
        case Flight::Part::end_of_flight:
          pulled.flight_complete = true;
          flight.pop();
          continue;
      }
      finish_handshake(*handshake);
    } else if (key_update_pending_) {
      n = put_key_update(engine, rest);
    } else {
      n = put_alert(engine, rest);
    }
    if (n == 0) break;  // the room is full
    pulled.len += n;
  }
  return pulled;
}

std::size_t Server::fragment_overhead() const noexcept {
  return write_protected_ ? write_.overhead() : kRecordHeader;
}

std::size_t Server::put_messages(Engine& engine, Handshake& handshake, MutableBytes out) noexcept {
  // Better none than a fragment of a few bytes: the next frame has room.
  if (out.size() < kMinPullRoom) return 0;
  // [RFC 8449 4] binds records that are protected, [RFC 6066 4] binds all.
  const bool limited = write_protected_ || fragments_limited_both_ways_;
  const std::size_t max_len =
      std::min(out.size() - fragment_overhead(), limited ? max_fragment_ : kMaxFragment);
  const std::size_t at = write_protected_ ? plaintext_offset(write_) : kRecordHeader;
  const CertificateMessage certificate{handshake.credential(), handshake.parameters};
  const std::size_t len = handshake.flight.copy_messages(
      {.certificate = certificate,
       .certificate_request = handshake.certificate_request(),
       .prime = crypto::finite_field_prime(handshake.parameters.group)},
      out.subspan(at, max_len));
  if (write_protected_) {
    return seal_in_place(engine, write_, ContentType::handshake, len, out, write_secret_.expose());
  }
  store(out, RecordHeader::of(ContentType::handshake, ProtocolVersion::tls12, len));
  return kRecordHeader + len;
}

std::size_t Server::put_change_cipher_spec(MutableBytes out) const noexcept {
  if (out.size() < kRecordHeader + 1) return 0;
  store(out, RecordHeader::of(ContentType::change_cipher_spec, ProtocolVersion::tls12, 1));
  out[kRecordHeader] = 1;
  return kRecordHeader + 1;
}

// put_record writes a short record under the write keys, if they are in force.
std::size_t Server::put_record(Engine& engine, ContentType type, ByteView content,
                               MutableBytes out) noexcept {
  if (out.size() < content.size() + fragment_overhead()) return 0;
  if (write_protected_) {
    return seal_record(engine, write_, type, {{content}}, out, write_secret_.expose());
  }
  store(out, RecordHeader::of(type, ProtocolVersion::tls12, content.size()));
  std::ranges::copy(content, out.begin() + kRecordHeader);
  return kRecordHeader + content.size();
}

std::size_t Server::put_key_update(Engine& engine, MutableBytes out) noexcept {
  std::array<std::uint8_t, kPostHandshakeMessage> message;
  wire::Writer w{message};
  wire::write_key_update(w, wire::KeyUpdateRequest::update_not_requested);
  const std::size_t n = put_record(engine, ContentType::handshake, message, out);
  if (n == 0) return 0;
  // [RFC 8446 4.6.3] the message still goes out under the old keys, everything after it under new.
  write_secret_.update();
  write_secret_.derive_keys(aead_, write_);
  key_update_pending_ = false;
  return n;
}

std::size_t Server::put_alert(Engine& engine, MutableBytes out) noexcept {
  const std::array body{static_cast<std::uint8_t>(alert_level_), static_cast<std::uint8_t>(alert_)};
  const std::size_t n = put_record(engine, ContentType::alert, body, out);
  if (n == 0) return 0;
  // [RFC 8446 6.1] nothing is sent after an alert that closes.
  alert_pending_ = false;
  write_closed_ = true;
  write_.clear();
  write_secret_.clear();
  return n;
}

bool Server::can_seal(const Handshake* handshake) const noexcept {
  return phase_ == Phase::established && !write_closed_ && !has_output(handshake);
}

std::size_t Server::record_overhead() const noexcept { return write_.overhead(); }

std::size_t Server::record_len(std::size_t plaintext_len) const noexcept {
  return write_.record_len(plaintext_len);
}

std::size_t Server::seal(Engine& engine, std::span<const ByteView> plaintext,
                         MutableBytes out) noexcept {
  return seal(engine, plaintext, std::span<const MutableBytes>{&out, 1});
}

std::size_t Server::seal(Engine& engine, std::span<const ByteView> plaintext,
                         std::span<const MutableBytes> out) noexcept {
  if (phase_ != Phase::established || write_closed_ || !write_protected_) return 0;
  if (alert_pending_ || key_update_pending_ || total_len(plaintext) > max_fragment_) return 0;
  const std::size_t n = seal_record(engine, write_, ContentType::application_data, plaintext, out,
                                    write_secret_.expose());
  const std::uint64_t sealed = write_.sequence_number();
  if (version_ == ProtocolVersion::tls13) {
    const bool gcm = aead_ != AeadAlgorithm::chacha20_poly1305;
    if (gcm && sealed >= engine.limits().tls13) key_update_pending_ = true;
  } else if (sealed >= engine.limits().tls12) {
    close();
  }
  return n;
}

}  // namespace sallyport::tls
