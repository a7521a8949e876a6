#include "tests/support/tcp_script.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/icmp_frame.h"
#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

// What a failure shows of the past.
constexpr std::size_t kTraceLines = 40;

std::uint32_t milliseconds_of(Nanos time) {
  return static_cast<std::uint32_t>(time.count() / 1'000'000);
}

FourTuple reversed(const FourTuple& tuple) { return {tuple.remote, tuple.local}; }

tcp::SeqNum absolute(tcp::SeqNum base, std::int64_t relative) {
  return base + static_cast<std::uint32_t>(relative);
}

// first_byte is where the payload begins: a SYN stands before it.
std::int64_t first_byte(const ScriptSegment& segment) {
  return segment.seq + (segment.flags.syn() ? 1 : 0);
}

}  // namespace

TcpScript::TcpScript(const EndpointOptions& options, bool ipv6)
    : TcpScript{std::make_unique<EndpointHost>(options, ipv6)} {}

TcpScript::TcpScript(std::unique_ptr<ScriptHost> host)
    : host_{std::move(host)}, pcap_{PcapWriter::from_environment()} {}

TcpScript::~TcpScript() {
  if (failed_) return;
  collect();
  if (!pending_.empty()) ADD_FAILURE() << unexpected(pending_.front()) << traced();
  if (const auto violation = host_->violation(); !violation.empty()) ADD_FAILURE() << violation;
}

void TcpScript::run(std::string_view text, std::source_location where) {
  const auto failure = play(text);
  if (!failure) return;
  // A literal begins behind its parenthesis; what was put together has no lines of its own.
  const unsigned line = text.starts_with('\n') ? failure->line : 0;
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line() + line)) << failure->text;
}

std::optional<TcpScript::Failure> TcpScript::play(std::string_view text) {
  if (failed_) return std::nullopt;  // has been reported
  for (unsigned number = 0; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const ScriptParse parsed = parse_script_line(line);
    if (parsed.line.kind == ScriptLine::Kind::blank && parsed.error.empty()) continue;
    std::string wrong = parsed.error.empty() ? step(parsed.line, line) : parsed.error;
    if (wrong.empty()) wrong = host_->violation();
    if (wrong.empty()) continue;
    failed_ = true;
    return Failure{number, std::string{line} + "\n" + wrong + traced()};
  }
  return std::nullopt;
}

std::string TcpScript::step(const ScriptLine& line, std::string_view text) {
  using Kind = ScriptLine::Kind;
  const Nanos base = line.time.is_relative ? now_ : Nanos{0};
  const Nanos first = base + line.time.first;
  if (first < now_) return "  time would go back: it is " + format_time(now_);
  if (line.kind == Kind::expect) {
    for (const ScriptSegment& piece : line.segment.pieces()) {
      if (auto wrong = expect(piece, first, base + line.time.last); !wrong.empty()) return wrong;
    }
    return {};
  }
  if (line.kind == Kind::expect_any) {
    for (now_ = base + line.time.last; host_->now() < now_;) {
      host_->advance(now_);
      collect();
    }
    pending_.clear();
    return {};
  }
  if (auto wrong = quiet_until(first); !wrong.empty()) return wrong;
  std::string wrong;
  switch (line.kind) {
    case Kind::inject:
      wrong = inject(line.segment);
      break;
    case Kind::icmp:
      wrong = inject_icmp(line.icmp);
      break;
    case Kind::assert_value:
      return check_value(line);
    case Kind::command:
      if (line.words[0] == "silence") return {};
      trace(now_, std::string{text.substr(text.find(line.words[0]))});
      wrong = host_->command(line.words);
      break;
    case Kind::blank:
    case Kind::expect:
    case Kind::expect_any:
      break;
  }
  collect();
  return wrong.empty() ? wrong : "  " + wrong;
}

// quiet_until lets time pass in which our TCP has nothing to say.
std::string TcpScript::quiet_until(Nanos time) {
  if (pending_.empty()) {
    host_->advance(time);
    collect();
  }
  if (!pending_.empty()) return unexpected(pending_.front());
  now_ = time;
  return {};
}

std::string TcpScript::unexpected(const Sent& sent) const {
  return "  not expected  " + format_time(sent.at) + " > " + format(sent.segment);
}

// --- the peer's segments -------------------------------------------------------------------------

ByteView TcpScript::peer_bytes(std::int64_t seq, std::size_t len, Bytes& room) const {
  if (!peer_stream_) {
    room = script_bytes(ScriptSide::peer, seq, len);
    return room;
  }
  const auto begin = static_cast<std::size_t>(std::max<std::int64_t>(seq - 1, 0));
  if (begin + len > peer_stream_->size()) {
    room.assign(len, 0);
    return room;
  }
  return ByteView{*peer_stream_}.subspan(begin, len);
}

std::string TcpScript::inject(const ScriptSegment& segment) {
  for (const ScriptSegment& piece : segment.pieces()) {
    tcp::Segment s;
    s.flags = piece.flags;
    s.seq = absolute(peer_isn_, piece.seq);
    s.payload_len = piece.len;
    if (piece.ack) s.ack = absolute(host_isn_.value_or(tcp::SeqNum{}), *piece.ack);
    s.window = piece.window.value_or(0);
    s.ecn = piece.ecn.value_or(wire::Ecn::not_ect);
    const ScriptOptions& o = piece.options;
    s.options.mss = o.mss.value_or(0);
    s.options.has_window_scale = o.window_scale.has_value();
    s.options.window_scale = o.window_scale.value_or(0);
    s.options.sack_permitted = o.sack_permitted;
    if (o.timestamps) {
      s.options.has_timestamps = true;
      s.options.tsval = static_cast<std::uint32_t>(o.timestamps->val);
      s.options.tsecr = host_clock_.value_or(0) + static_cast<std::uint32_t>(o.timestamps->ecr);
    }
    for (const auto& b : o.sack) {
      const tcp::SeqNum isn = host_isn_.value_or(tcp::SeqNum{});
      s.options.sack_blocks[s.options.num_sack_blocks++] = {absolute(isn, b.left),
                                                            absolute(isn, b.right)};
    }
    Bytes room;
    const ByteView payload = peer_bytes(first_byte(piece), piece.len, room);
    const Bytes frame = tcp_frame(host_->ethernet(), reversed(host_->tuple()), s, payload);
    trace(now_, "< " + format(piece));
    pcap_.write(frame, now_);
    host_->receive(frame);
    collect();
  }
  return {};
}

std::string TcpScript::inject_icmp(const ScriptIcmp& icmp) {
  // A router quotes what it saw: a segment from the host, of which only the numbers matter.
  tcp::Segment s;
  s.flags = tcp::kAck;
  s.seq = absolute(host_isn_.value_or(tcp::SeqNum{}), icmp.seq);
  s.payload_len = icmp.len;
  const wire::Ethernet to_host = host_->ethernet();
  const Bytes quoted = tcp_frame({to_host.destination, to_host.source}, host_->tuple(), s,
                                 script_bytes(ScriptSide::host, icmp.seq, icmp.len));
  const Bytes frame = too_big_answer(quoted, icmp.mtu);
  trace(now_, "< [" + std::to_string(icmp.seq) + ":" + std::to_string(icmp.seq + icmp.len) +
                  "] icmp frag_needed mtu " + std::to_string(icmp.mtu));
  pcap_.write(frame, now_);
  host_->receive(frame);
  return {};
}

// --- our segments --------------------------------------------------------------------------------

void TcpScript::collect() {
  while (const auto sent = host_->take_sent()) {
    pending_.push_back(read(sent->first, sent->second));
    pcap_.write(sent->second, sent->first);
    trace(sent->first, "> " + format(pending_.back().segment));
  }
}

TcpScript::Sent TcpScript::read(Nanos at, ByteView frame) {
  Sent sent{.at = at, .segment = {}, .wrong = {}};
  const auto received = read_tcp_frame(frame);
  if (!received) {
    sent.wrong = "no TCP segment, or a damaged one";
    return sent;
  }
  const tcp::Segment& from = received->segment;
  if (received->tuple != reversed(host_->tuple())) sent.wrong = "belongs to another connection";
  if (from.flags.syn()) host_isn_ = from.seq;
  ScriptSegment& to = sent.segment;
  to.flags = from.flags;
  to.seq = from.seq - host_isn_.value_or(tcp::SeqNum{});
  // [RFC 9293 3.10.7.1] Of no connection: the number is 0 and not relative to anything.
  if (from.flags.rst() && from.seq == tcp::SeqNum{}) to.seq = 0;
  to.len = from.payload_len;
  if (from.flags.ack()) to.ack = from.ack - peer_isn_;
  to.window = from.window;
  to.ecn = received->segment.ecn;
  to.options_are = ScriptSegment::Options::exact;
  ScriptOptions& o = to.options;
  if (from.options.mss != 0) o.mss = from.options.mss;
  if (from.options.has_window_scale) o.window_scale = from.options.window_scale;
  o.sack_permitted = from.options.sack_permitted;
  if (from.options.has_timestamps) {
    if (!host_clock_) host_clock_ = from.options.tsval - milliseconds_of(at);
    o.timestamps = {static_cast<std::int32_t>(from.options.tsval - *host_clock_),
                    from.options.tsecr};
  }
  for (const tcp::SackBlock& b : from.options.sack()) {
    o.sack.push_back({b.left - peer_isn_, b.right - peer_isn_});
  }
  if (host_->checks_stream() &&
      !std::ranges::equal(received->payload,
                          script_bytes(ScriptSide::host, first_byte(to), to.len))) {
    sent.wrong = "payload";
  }
  return sent;
}

std::string TcpScript::expect(const ScriptSegment& expected, Nanos first, Nanos last) {
  const Nanos tolerance = host_->tolerance();
  if (pending_.empty()) {
    host_->advance(last + tolerance);
    collect();
  }
  std::string text = "  expected      " + format_time(first);
  if (last != first) text += "~" + format_time(last);
  text += " > " + format(expected) + "\n";
  if (pending_.empty()) return text + "  seen          nothing";
  const Sent sent = pending_.front();
  pending_.erase(pending_.begin());
  std::string differs = sent.wrong.empty() ? difference(expected, sent.segment) : sent.wrong;
  if (differs.empty() && (sent.at + tolerance < first || sent.at > last + tolerance)) {
    differs = "time";
  }
  now_ = std::max(now_, sent.at);
  if (differs.empty()) return {};
  return text + "  seen          " + format_time(sent.at) + " > " + format(sent.segment) +
         "\n  differs in    " + differs;
}

std::string TcpScript::check_value(const ScriptLine& line) const {
  if (line.words.size() != 2) return "  expected a name and a value";
  const auto value = host_->value(line.words[0]);
  if (!value) return "  " + line.words[0] + " is no name of a value";
  return *value == line.words[1] ? std::string{} : "  " + line.words[0] + " is " + *value;
}

// --- what has happened ---------------------------------------------------------------------------

void TcpScript::trace(Nanos at, const std::string& what) {
  trace_.push_back("    " + format_time(at) + " " + what);
}

std::string TcpScript::traced() const {
  std::string text = "\nsegments so far:";
  const std::size_t left_out = trace_.size() > kTraceLines ? trace_.size() - kTraceLines : 0;
  if (left_out > 0) text += "\n    (" + std::to_string(left_out) + " lines before these)";
  for (std::size_t i = left_out; i < trace_.size(); ++i) text += "\n" + trace_[i];
  return text;
}

}  // namespace sallyport::testing
