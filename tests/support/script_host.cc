#include "tests/support/script_host.h"

#include <algorithm>
#include <charconv>

#include "lib/wire/icmp.h"
#include "lib/wire/packet.h"
#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

constexpr MacAddress kHostMac{{0x02, 0, 0, 0, 0, 0x01}};
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x02}};
// lib/tcp remembers 32 bits of the clock: not at its beginning.  Whole milliseconds, as TSvals are.
constexpr tcp::Instant kStart{3'600'000'000};

FourTuple tuple_of_host(bool ipv6) {
  if (ipv6) return {{*parse_ip("2001:db8::10"), 443}, {*parse_ip("2001:db8::99"), 50'000}};
  return {{IpAddress::v4({198, 18, 0, 10}), 443}, {IpAddress::v4({198, 18, 0, 99}), 50'000}};
}

std::string yes_or_no(bool truth) { return truth ? "yes" : "no"; }

}  // namespace

Bytes script_bytes(ScriptSide side, std::int64_t seq, std::size_t len) {
  Bytes bytes(len);
  auto at = static_cast<std::uint32_t>(seq) ^ (side == ScriptSide::host ? 0x5a11'0000U : 0U);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>((at++ * 2'654'435'761U) >> 24U);
  return bytes;
}

bool takes_count(const std::vector<std::string>& words, std::size_t& count) {
  if (words.size() < 2) return false;
  const char* end = words[1].data() + words[1].size();
  const auto [at, status] = std::from_chars(words[1].data(), end, count);
  return status == std::errc{} && at == end;
}

EndpointHost::EndpointHost(const EndpointOptions& options, bool ipv6)
    : tuple_{tuple_of_host(ipv6)},
      endpoint_{tuple_, options,
                [this](const tcp::Segment& segment, ByteView payload) { send(segment, payload); }} {
}

wire::Ethernet EndpointHost::ethernet() const { return {kPeerMac, kHostMac}; }

tcp::Instant EndpointHost::instant() const {
  return {kStart.us + static_cast<std::uint64_t>(now_.count() / 1'000)};
}

void EndpointHost::send(const tcp::Segment& segment, ByteView payload) {
  sent_.emplace_back(now_, tcp_frame({kHostMac, kPeerMac}, tuple_, segment, payload));
}

std::optional<std::pair<Nanos, Bytes>> EndpointHost::take_sent() {
  if (sent_.empty()) return std::nullopt;
  auto first = std::move(sent_.front());
  sent_.erase(sent_.begin());
  return first;
}

void EndpointHost::advance(Nanos until) {
  while (sent_.empty()) {
    const auto deadline = endpoint_.next_deadline(instant());
    if (!deadline) break;
    const Nanos at{static_cast<std::int64_t>(deadline->us - kStart.us) * 1'000};
    if (at > until) break;
    now_ = std::max(now_, at);
    endpoint_.pump(instant());
    if (!endpoint_.violation().empty()) return;
  }
  if (sent_.empty()) now_ = std::max(now_, until);
}

void EndpointHost::receive(ByteView frame) {
  if (const auto received = read_tcp_frame(frame)) {
    endpoint_.receive(received->segment, received->payload, instant());
  } else if (const auto packet = wire::parse_packet(frame, 0, {})) {
    const auto error = wire::parse_icmp_error(*packet, frame);
    if (error && error->kind == wire::IcmpErrorKind::packet_too_big) {
      endpoint_.packet_too_big({error->sequence_number}, error->mtu);
    }
  }
  endpoint_.pump(instant());
}

std::string EndpointHost::read(std::size_t len) {
  const Bytes bytes = endpoint_.read(len);
  if (bytes.size() != len) return "only " + std::to_string(bytes.size()) + " bytes are there";
  const Bytes right = script_bytes(ScriptSide::peer, 1 + num_read_, len);
  const auto wrong = std::ranges::mismatch(bytes, right).in1;
  if (wrong != bytes.end()) {
    return "the byte at " + std::to_string(1 + num_read_ + (wrong - bytes.begin())) + " is wrong";
  }
  num_read_ += static_cast<std::int64_t>(len);
  return {};
}

std::string EndpointHost::command(const std::vector<std::string>& words) {
  const std::string& verb = words[0];
  std::size_t count = 0;
  const bool has_count = takes_count(words, count);
  std::string error;
  if (verb == "listen" && words.size() == 1) {
    endpoint_.listen(Listening::tracked);
  } else if (verb == "listen" && words.size() == 2 && words[1] == "cookie") {
    endpoint_.listen(Listening::cookie);
  } else if (verb == "open") {
    endpoint_.open(instant());
  } else if (verb == "write" && has_count && (words.size() == 2 || words[2] == "close")) {
    endpoint_.write(script_bytes(ScriptSide::host, 1 + num_written_, count));
    num_written_ += static_cast<std::int64_t>(count);
    if (words.size() == 3) endpoint_.close();
  } else if (verb == "read" && has_count && words.size() == 2) {
    error = read(count);
  } else if (verb == "close") {
    endpoint_.close();
  } else if (verb == "abort") {
    endpoint_.abort(instant());
  } else {
    return "no such command";
  }
  endpoint_.pump(instant());
  return error;
}

std::optional<std::string> EndpointHost::value(const std::string& name) const {
  const tcp::Tcb& tcb = endpoint_.tcb();
  if (name == "state") {
    if (endpoint_.is_listening()) return "LISTEN";
    if (tcb.state == tcp::State::closed && !endpoint_.is_over()) return "TIME_WAIT";
    return tcp::name_of(tcb.state);
  }
  if (name == "cwnd") return std::to_string(tcb.congestion.cwnd);
  if (name == "ssthresh") {
    return tcb.congestion.ssthresh == tcp::kNoThreshold ? "none"
                                                        : std::to_string(tcb.congestion.ssthresh);
  }
  if (name == "mss") return std::to_string(tcb.snd_mss);
  if (name == "rto") return std::to_string(tcb.rtt.rto().count / 1'000);
  if (name == "unread") return std::to_string(endpoint_.unread());
  if (name == "kept") return std::to_string(endpoint_.num_kept());
  if (name == "peer_closed") return yes_or_no(endpoint_.peer_closed());
  if (name == "reset") return yes_or_no(endpoint_.was_reset());
  if (name == "timed_out") return yes_or_no(endpoint_.timed_out());
  if (name == "over") return yes_or_no(endpoint_.is_over());
  const EndpointCounters& counters = endpoint_.counters();
  if (name == "data_segments") return std::to_string(counters.data_segments_sent);
  if (name == "retransmissions") return std::to_string(counters.retransmissions);
  if (name == "timeouts") return std::to_string(counters.timeouts);
  if (name == "undone") return std::to_string(counters.undone);
  return std::nullopt;
}

}  // namespace sallyport::testing
