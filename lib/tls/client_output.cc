// Client, records out: the flights, key updates, alerts, application data; and what is kept to come
// back with.
#include <algorithm>
#include <utility>

#include "lib/tls/client.h"

namespace sallyport::tls {

bool Client::has_flight(const ClientHandshake* handshake) const noexcept {
  // What begins before a job is complete only after it.
  return handshake != nullptr && phase_ != Phase::failed && phase_ != Phase::closed &&
         phase_ != Phase::derive && !handshake->flight.empty();
}

bool Client::has_output(const ClientHandshake* handshake) const noexcept {
  return alert_pending_ || key_update_pending_ || has_flight(handshake);
}

Pulled Client::pull(Engine& engine, ClientHandshake* handshake, MutableBytes room) noexcept {
  Pulled pulled;
  while (has_output(handshake)) {
    const MutableBytes rest = room.subspan(pulled.len);
    std::size_t n = 0;
    if (has_flight(handshake)) {
      auto& flight = handshake->flight;
      switch (flight.next()) {
        case FlightPart::messages:
          n = put_handshake(engine, rest,
                            [&flight](MutableBytes out) { return flight.copy_messages({}, out); });
          break;
        case FlightPart::change_cipher_spec:
          n = put_change_cipher_spec(rest);
          if (n != 0) flight.pop();
          break;
        case FlightPart::protect:
          write_protected_ = true;
          flight.pop();
          continue;
        case FlightPart::application_keys:
          write_secret_ = std::move(handshake->client_application);
          write_secret_.derive_keys(aead_, write_);
          flight.pop();
          continue;
        case FlightPart::end_of_flight:
          pulled.flight_complete = true;
          flight.pop();
          finish_handshake(*handshake);
          continue;
        case FlightPart::certificate:  // these are the server's
        case FlightPart::certificate_request:
        case FlightPart::prime:
          flight.pop();
          continue;
      }
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

bool Client::can_seal(const ClientHandshake* handshake) const noexcept {
  return phase_ == Phase::established && !write_closed_ && !has_output(handshake);
}

std::size_t Client::seal(Engine& engine, std::span<const ByteView> plaintext,
                         MutableBytes out) noexcept {
  return seal(engine, plaintext, std::span<const MutableBytes>{&out, 1});
}

std::size_t Client::seal(Engine& engine, std::span<const ByteView> plaintext,
                         std::span<const MutableBytes> out) noexcept {
  if (phase_ != Phase::established) return 0;
  return put_application_data(engine, plaintext, out);
}

// fill_session does what both versions have in common.
void Client::fill_session(const Engine& engine, const wire::NewSessionTicket& nst,
                          ClientSession& session) const noexcept {
  // [RFC 8446 4.6.1] never longer than a week, whatever the server says; [RFC 5077 5.6] a hint of
  // zero in TLS 1.2 means that there is none.
  constexpr std::uint32_t kWeek = 604'800;
  const std::uint32_t lifetime = nst.lifetime_seconds == 0 ? kWeek : nst.lifetime_seconds;
  session.version = version_;
  session.cipher_suite = cipher_suite_;
  session.authority = authority_;
  session.received_ms = engine.unix_ms();
  session.expires_ms = session.received_ms + std::uint64_t{1'000} * std::min(lifetime, kWeek);
  session.chain_expires_ms = chain_expires_ms_;
  session.session_id_len = 0;
  session.ticket_len = static_cast<std::uint16_t>(nst.ticket.size());
  std::ranges::copy(nst.ticket, session.ticket.begin());
}

}  // namespace sallyport::tls
