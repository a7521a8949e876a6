// Step: what Server and Client say after each call: what they wait for, and what has happened.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/stats/reasons.h"
#include "lib/stats/resumption.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

enum class Await : std::uint8_t {
  peer,            // the next record
  key_share,       // Client alone: start()
  handshake,       // Server alone: a Handshake, then the same record again
  message_buffer,  // a MessageBuffer, then the same record again
  verify_buffer,   // a VerifyJob, then the same record again
  job,             // a job slot (and a key pair), then start_job()
  job_result,      // job_done()
  verdict,         // the VerifyJob is judged, then verify_done()
  nothing,         // the peer has said its last word; there may still be output
};

// Event is something that happened during one call, for counters and for the relay.
enum class Event : std::uint8_t {
  client_hello = 1,  // a complete ClientHello was negotiated (not one answered by a retry)
  hello_retry = 2,   // HelloRetryRequest is on its way
  established = 4,   // client's Finished verified: application data may flow
  close_notify = 8,  // the client will send nothing more
  fatal_alert = 16,  // the client gave up; `failure` is alert_received
  key_updated = 32,  // the client changed its keys
  ticket_age = 64,   // with client_hello: the accepted ticket is not as old as its client says
  session = 128,     // a session was kept to resume later (Client)
};

class Events {
 public:
  constexpr Events() noexcept = default;
  constexpr void add(Event e) noexcept { bits_ |= static_cast<std::uint8_t>(e); }
  [[nodiscard]] constexpr bool has(Event e) const noexcept {
    return (bits_ & static_cast<std::uint8_t>(e)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }

 private:
  std::uint8_t bits_ = 0;
};

// ContentRange is where application data lies in the record that was given: an offset over the
// concatenation of its pieces.
struct ContentRange {
  std::uint16_t offset = 0;
  std::uint16_t len = 0;
};

struct Step {
  Await await = Await::peer;
  Events events;
  // The fatal alert that was queued, if failure is not none.  A peer that sent one itself gets
  // none: has_output() tells.
  wire::AlertDescription alert{};
  stats::HandshakeFailure failure = stats::HandshakeFailure::none;
  // With client_hello: why no ticket of those that the client showed was accepted, or why not the
  // session that it named; none also when there was neither.
  stats::TicketRefusal ticket_refusal = stats::TicketRefusal::none;
  ContentRange application_data;  // len 0: none in this record

  [[nodiscard]] bool failed() const noexcept { return failure != stats::HandshakeFailure::none; }
};

// Pulled is what one pull() wrote.
struct Pulled {
  std::size_t len = 0;
  bool flight_complete = false;  // it ended with the last byte of the server's first flight
};

}  // namespace sallyport::tls
