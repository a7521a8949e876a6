// Server, records out: the flight, key updates, alerts, application data.
#include <utility>

#include "lib/crypto/kx/ffdhe.h"
#include "lib/tls/server.h"

namespace sallyport::tls {

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

std::size_t Server::put_messages(Engine& engine, Handshake& handshake, MutableBytes out) noexcept {
  return put_handshake(engine, out, [&handshake](MutableBytes room) {
    const CertificateMessage certificate{handshake.credential(), handshake.parameters};
    return handshake.flight.copy_messages(
        {.certificate = &certificate,
         .certificate_request = handshake.certificate_request(),
         .prime = crypto::finite_field_prime(handshake.parameters.group)},
        room);
  });
}

bool Server::can_seal(const Handshake* handshake) const noexcept {
  return phase_ == Phase::established && !write_closed_ && !has_output(handshake);
}

std::size_t Server::seal(Engine& engine, std::span<const ByteView> plaintext,
                         MutableBytes out) noexcept {
  return seal(engine, plaintext, std::span<const MutableBytes>{&out, 1});
}

std::size_t Server::seal(Engine& engine, std::span<const ByteView> plaintext,
                         std::span<const MutableBytes> out) noexcept {
  if (phase_ != Phase::established) return 0;
  return put_application_data(engine, plaintext, out);
}

std::size_t Server::seal_each(Engine& engine, std::span<const InPlaceRecord> records) noexcept {
  if (phase_ != Phase::established) return 0;
  return put_application_records(engine, records);
}

}  // namespace sallyport::tls
