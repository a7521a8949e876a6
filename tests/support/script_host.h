// ScriptHost: what a script plays against.  It speaks frames, as everything behind a NIC does, and
// lives in virtual time that begins at 0.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/address.h"
#include "lib/base/units.h"
#include "lib/wire/ethernet.h"
#include "tests/support/bytes.h"
#include "tests/support/script_notation.h"
#include "tests/support/tcp_endpoint.h"

namespace sallyport::testing {

// ScriptBytes are the two streams: the byte at a relative sequence number, always the same one, so
// that what is repeated carries the same and what is put together wrongly is seen.
enum class ScriptSide : std::uint8_t { peer, host };
[[nodiscard]] Bytes script_bytes(ScriptSide side, std::int64_t seq, std::size_t len);

// takes_count reads the argument of a command that has a number.
[[nodiscard]] bool takes_count(const std::vector<std::string>& words, std::size_t& count);

class ScriptHost {
 public:
  virtual ~ScriptHost() = default;

  // tuple is the connection as the host sees it; ethernet stands before what goes to the host.
  [[nodiscard]] virtual FourTuple tuple() const = 0;
  [[nodiscard]] virtual wire::Ethernet ethernet() const = 0;

  [[nodiscard]] virtual Nanos now() const = 0;
  // advance lets time pass until `until`, or until the host has sent something.
  virtual void advance(Nanos until) = 0;
  virtual void receive(ByteView frame) = 0;
  // take_sent takes the oldest frame that was sent to the peer, and when that was.
  virtual std::optional<std::pair<Nanos, Bytes>> take_sent() = 0;

  // command does what the application of the host is told to; the answer says what is wrong with
  // it, or nothing.
  virtual std::string command(const std::vector<std::string>& words) = 0;
  // value is what `= NAME` compares; nothing for a name that is unknown.
  [[nodiscard]] virtual std::optional<std::string> value(const std::string& name) const = 0;
  // violation is the first invariant that the host saw broken; empty: none.
  [[nodiscard]] virtual std::string violation() const { return {}; }
  // tolerance is how much earlier or later than the script says a segment may be sent.  By default
  // a tick of the timestamp clock, so that scripts need not write the microseconds of smoothed
  // round trips.
  [[nodiscard]] virtual Nanos tolerance() const { return milliseconds{1}; }
  // checks_stream: what the host sends is script_bytes() of its side.
  [[nodiscard]] virtual bool checks_stream() const { return true; }
};

// EndpointHost is one TcpEndpoint: lib/tcp with a queue, and an application that does what the
// script says.
//
//   listen [cookie]    in LISTEN; with a SYN cookie, as the worker does, or else in SYN_RECEIVED
//   open               an active open
//   write N [close]    N bytes, and nothing after them
//   close              the end of our stream
//   abort
//   read N             N bytes are there, and are the right ones
//
// Values: state, cwnd, ssthresh, mss, rto (milliseconds), unread, kept (segments ahead of a gap),
// peer_closed, reset, timed_out, over, data_segments (sent), retransmissions, timeouts, undone.
// Truth is yes or no.
class EndpointHost final : public ScriptHost {
 public:
  explicit EndpointHost(const EndpointOptions& options, bool ipv6 = false);

  [[nodiscard]] FourTuple tuple() const override { return tuple_; }
  [[nodiscard]] wire::Ethernet ethernet() const override;
  [[nodiscard]] Nanos now() const override { return now_; }
  void advance(Nanos until) override;
  void receive(ByteView frame) override;
  std::optional<std::pair<Nanos, Bytes>> take_sent() override;
  std::string command(const std::vector<std::string>& words) override;
  [[nodiscard]] std::optional<std::string> value(const std::string& name) const override;
  [[nodiscard]] std::string violation() const override { return endpoint_.violation(); }

  [[nodiscard]] const TcpEndpoint& endpoint() const { return endpoint_; }

 private:
  [[nodiscard]] tcp::Instant instant() const;
  void send(const tcp::Segment& segment, ByteView payload);
  std::string read(std::size_t len);

  FourTuple tuple_;
  TcpEndpoint endpoint_;
  Nanos now_{0};
  std::vector<std::pair<Nanos, Bytes>> sent_;
  std::int64_t num_written_ = 0;
  std::int64_t num_read_ = 0;
};

}  // namespace sallyport::testing
