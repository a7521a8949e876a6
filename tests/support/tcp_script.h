// TcpScript: RFC behaviour as a script in the style of packetdrill.  A scripted peer sends what the
// script says, at the time it says, and our TCP has to answer with exactly what the script expects.
// Time is virtual, so a minute of back-off costs nothing and times are exact.
//
//   TcpScript script{{.timestamps = false}};
//   script.run(R"(
//     0         listen
//     +0        < S 0:0(0) win 65535 <mss 1000,sackOK>      // a peer opens the connection
//     +0        > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
//     +0.100    < . 1:1(0) ack 1 win 65535
//     +0        write 1000                                  // our application
//     +0        > P. 1:1001(1000) ack 1
//     +0.300~+0.500 > P. 1:1001(1000) ack 1                 // a tail probe, some time later
//     +0.050    < . 1:1(0) ack 1001 win 65535
//     +1        silence
//     +0        = state ESTABLISHED
//   )");
//
// A line is TIME WHAT, and // begins a comment.
//
//   +SECONDS           after the last line.  After a segment of ours: after it was sent.
//   SECONDS            since the beginning
//   +A~+B, A~B         for `>`: at any time between the two.  Otherwise it is due within 1 ms.
//
//   < SEGMENT          the peer sends it
//   > SEGMENT          our TCP sends it.  Everything that it sends must be in the script, in order:
//                      what was sent and is not expected fails at the next line of another kind.
//   > ...              whatever it sends until then
//   < [RANGE] icmp frag_needed mtu N
//                      a router says that our segment RANGE is too large ("packet too big" of
//                      IPv6 reads the same)
//   = NAME VALUE       something about our side is so
//   silence            nothing.  For the time before it, nothing was sent either.
//   COMMAND            our application does something.  script_host.h has the commands and names;
//                      those of a whole worker are in worker_host.h.
//
// A SEGMENT is packetdrill's: FLAGS RANGE [ack N] [win N] [<OPTIONS>]
//
//   FLAGS      of S F R P U E W and . (ACK), or - for none.  [ect0], [ect1], [ce] or [noecn] before
//              them is the ECN field of the IP header.
//   RANGE      SEQ:END(LEN), relative to the initial sequence number of the sender; SYN and FIN
//              count for nothing in it.  (LEN/PIECE) is a flight: segments of PIECE bytes.
//   win        as it stands in the header
//   OPTIONS    of mss N, sackOK, wscale N, TS val N ecr N, sack L:R L:R, in any order; padding is
//              not written.  Our TSvals count milliseconds of the script; those of the peer are
//              what the script says.
//
// In what is expected, what is not mentioned is not compared (win, PSH, ECN), except for options:
// without any <>, timestamps are not compared and there must be no others; with <...> nothing is.
//
// The payload is not written: each side sends one long stream of known bytes, and everybody checks
// that each byte is the one of its sequence number.
//
// The first failure ends the script.  It shows the line, what was expected, what was seen, and all
// segments so far.
#pragma once
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/pcap.h"
#include "tests/support/script_host.h"
#include "tests/support/script_notation.h"

namespace sallyport::testing {

class TcpScript {
 public:
  // The host is a TcpEndpoint with `options`.
  explicit TcpScript(const EndpointOptions& options = {}, bool ipv6 = false);
  explicit TcpScript(std::unique_ptr<ScriptHost> host);
  // What our TCP has sent and no line expected is a failure of the test.
  ~TcpScript();
  TcpScript(const TcpScript&) = delete;
  TcpScript& operator=(const TcpScript&) = delete;

  // run plays `text` and reports the first failure to GoogleTest.  A script may be run in pieces.
  void run(std::string_view text, std::source_location where = std::source_location::current());
  // play does the same and returns the failure: the line, counted from 0, and what to say.
  struct Failure {
    unsigned line = 0;
    std::string text;
  };
  [[nodiscard]] std::optional<Failure> play(std::string_view text);

  // set_peer_isn says where the peer's sequence numbers begin.
  void set_peer_isn(tcp::SeqNum isn) { peer_isn_ = isn; }
  // set_peer_stream replaces the bytes that the peer sends, from relative sequence number 1 on.
  void set_peer_stream(Bytes stream) { peer_stream_ = std::move(stream); }

  [[nodiscard]] ScriptHost& host() { return *host_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  struct Sent {
    Nanos at;
    ScriptSegment segment;
    std::string wrong;  // what is wrong with it in any case
  };

  [[nodiscard]] std::string step(const ScriptLine& line, std::string_view text);
  [[nodiscard]] std::string inject(const ScriptSegment& segment);
  [[nodiscard]] std::string inject_icmp(const ScriptIcmp& icmp);
  [[nodiscard]] std::string expect(const ScriptSegment& expected, Nanos first, Nanos last);
  [[nodiscard]] std::string check_value(const ScriptLine& line) const;
  [[nodiscard]] std::string quiet_until(Nanos time);
  [[nodiscard]] std::string unexpected(const Sent& sent) const;
  void collect();
  [[nodiscard]] Sent read(Nanos at, ByteView frame);
  [[nodiscard]] ByteView peer_bytes(std::int64_t seq, std::size_t len, Bytes& room) const;
  void trace(Nanos at, const std::string& what);
  [[nodiscard]] std::string traced() const;

  std::unique_ptr<ScriptHost> host_;
  PcapWriter pcap_;
  Nanos now_{0};
  tcp::SeqNum peer_isn_{800'000'000};
  std::optional<tcp::SeqNum> host_isn_;      // learned from its SYN
  std::optional<std::uint32_t> host_clock_;  // its TSval when the script began
  std::optional<Bytes> peer_stream_;
  std::vector<Sent> pending_;
  std::vector<std::string> trace_;
  bool failed_ = false;
};

}  // namespace sallyport::testing
