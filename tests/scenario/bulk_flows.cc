#include "tests/scenario/bulk_flows.h"

#include <algorithm>
#include <utility>

#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

constexpr MacAddress kSenderMac{{0x02, 0, 0, 0, 0, 0x0c}};
constexpr MacAddress kReceiverMac{{0x02, 0, 0, 0, 0, 0x05}};
constexpr std::uint16_t kFirstPort = 50'000;
constexpr std::uint64_t kStart = 3'600'000'000;  // microseconds
// More than any path of the table holds; the window of the receiver is never the limit.
constexpr std::uint32_t kWindow = 16'000'000;
constexpr std::uint16_t kMostKept = 16'384;
// What is written beyond what is in flight: more than one ACK lets out.
constexpr std::size_t kAhead = 262'144;

FourTuple tuple_of_sender(std::size_t index) {
  return {{IpAddress::v4({198, 18, 0, 99}), static_cast<std::uint16_t>(kFirstPort + index)},
          {IpAddress::v4({198, 18, 0, 10}), 443}};
}
FourTuple reversed(const FourTuple& tuple) { return {tuple.remote, tuple.local}; }

// The stream repeats itself after a prime number of bytes, so no segment looks like its neighbour.
constexpr std::size_t kPeriod = 65'521;
const Bytes& stream() {
  static const Bytes bytes = [] {
    Bytes b(kPeriod + kAhead);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < b.size(); ++i) {
      state = state * 1'664'525 + 1'013'904'223;
      b[i] = i < kPeriod ? static_cast<std::uint8_t>(state >> 24U) : b[i - kPeriod];
    }
    return b;
  }();
  return bytes;
}
ByteView stream_at(std::uint64_t offset, std::size_t len) {
  return ByteView{stream()}.subspan(offset % kPeriod, len);
}

EndpointOptions endpoint(const BulkFlow& flow, std::uint32_t iss) {
  return {.receive_buffer = kWindow,
          .max_kept_nodes = kMostKept,
          .iss = tcp::SeqNum{iss},
          .sack = flow.sack,
          .congestion = flow.congestion,
          .check_marks = false};
}

}  // namespace

BulkFlows::Flow::Flow(BulkFlows& network, std::size_t index, const BulkFlow& o)
    : options{o},
      sender{tuple_of_sender(index), endpoint(o, 1'000),
             [&network, index](const tcp::Segment& segment, ByteView payload) {
               network.put_on_link(
                   network.forward_,
                   tcp_frame({kSenderMac, kReceiverMac}, tuple_of_sender(index), segment, payload));
             }},
      receiver{reversed(tuple_of_sender(index)), endpoint(o, 700'000),
               [&network, index](const tcp::Segment& segment, ByteView payload) {
                 network.put_on_link(network.back_,
                                     tcp_frame({kReceiverMac, kSenderMac},
                                               reversed(tuple_of_sender(index)), segment, payload));
               }} {}

BulkFlows::BulkFlows(const BulkOptions& options)
    : forward_{options.forward, options.seed * 2},
      back_{options.back, options.seed * 2 + 1},
      milestone_{options.milestone} {
  for (const BulkFlow& f : options.flows) {
    flows_.push_back(std::make_unique<Flow>(*this, flows_.size(), f));
  }
}

tcp::Instant BulkFlows::instant() const {
  return {kStart + static_cast<std::uint64_t>(now_.count() / 1000)};
}
Nanos BulkFlows::time_of(tcp::Instant t) const {
  return Nanos{(static_cast<std::int64_t>(t.us) - static_cast<std::int64_t>(kStart)) * 1000};
}

void BulkFlows::begin(Flow& flow) {
  flow.opened = true;
  flow.receiver.listen(Listening::cookie);
  flow.sender.open(instant());
  pump_sender(flow);
}

void BulkFlows::pump_sender(Flow& flow) {
  while (flow.sender.unsent_or_unacked() < tcp::flight(flow.sender.tcb()) + kAhead) {
    flow.sender.write(stream_at(flow.num_written, kAhead));
    flow.num_written += kAhead;
  }
  flow.sender.pump(instant());
}

void BulkFlows::pump_receiver(Flow& flow) {
  while (flow.receiver.unread() > 0) {
    const Bytes bytes = flow.receiver.read(kAhead);
    if (!std::ranges::equal(bytes, stream_at(flow.num_read, bytes.size()))) flow.garbled = true;
    flow.num_read += bytes.size();
  }
  if (!flow.milestone_at && flow.num_read >= milestone_) flow.milestone_at = now_;
  flow.receiver.pump(instant());
}

void BulkFlows::put_on_link(Link& link, Bytes frame) {
  pcap_.write(frame, now_);
  (void)link.send(std::move(frame), now_);
}

void BulkFlows::deliver(Link& link) {
  while (const auto frame = link.receive(now_)) {
    const auto received = read_tcp_frame(*frame);
    if (!received) continue;
    const bool is_data = &link == &forward_;
    const FourTuple& tuple = received->tuple;
    const std::size_t index =
        std::size_t{is_data ? tuple.remote.port : tuple.local.port} - kFirstPort;
    Flow& flow = *flows_[index];
    TcpEndpoint& to = is_data ? flow.receiver : flow.sender;
    if (is_data) flow.text_arrived += received->payload.size();
    to.receive(received->segment, received->payload, instant());
    is_data ? pump_receiver(flow) : pump_sender(flow);
  }
}

std::optional<Nanos> BulkFlows::next_event() const {
  std::optional<Nanos> next;
  const auto consider = [&](std::optional<Nanos> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(forward_.next_arrival());
  consider(back_.next_arrival());
  for (const auto& flow : flows_) {
    if (!flow->opened) {
      consider(flow->options.start);
      continue;
    }
    for (const TcpEndpoint* e : {&flow->sender, &flow->receiver}) {
      if (const auto deadline = e->next_deadline(instant())) consider(time_of(*deadline));
    }
  }
  return next;
}

void BulkFlows::run_until(Nanos time) {
  while (violation().empty()) {
    const auto next = next_event();
    if (!next || *next > time) break;
    now_ = std::max(now_, *next);
    deliver(forward_);
    deliver(back_);
    for (const auto& flow : flows_) {
      if (!flow->opened) {
        if (flow->options.start <= now_) begin(*flow);
        continue;
      }
      const auto is_due = [&](const TcpEndpoint& e) {
        const auto deadline = e.next_deadline(instant());
        return deadline && *deadline <= instant();
      };
      if (is_due(flow->sender)) pump_sender(*flow);
      if (is_due(flow->receiver)) pump_receiver(*flow);
    }
  }
  now_ = std::max(now_, time);
}

BulkAccount BulkFlows::account(std::size_t index) const {
  const Flow& flow = *flows_[index];
  const tcp::Tcb& tcb = flow.sender.tcb();
  BulkAccount a;
  a.delivered = flow.num_read;
  a.sent = flow.sender.counters().bytes_sent;
  const std::uint32_t distinct = tcp::distance(tcb.iss, tcb.snd_max);  // with the SYN
  if (distinct > 1) a.repeated = a.sent - (distinct - 1);
  a.spurious = flow.text_arrived - flow.num_read - flow.receiver.num_kept_bytes();
  a.timeouts = flow.sender.counters().timeouts;
  return a;
}

std::string BulkFlows::violation() const {
  for (const auto& flow : flows_) {
    if (flow->garbled) return "a byte arrived that was not sent there";
    if (!flow->sender.violation().empty()) return "sender: " + flow->sender.violation();
    if (!flow->receiver.violation().empty()) return "receiver: " + flow->receiver.violation();
    if (flow->sender.was_reset() || flow->sender.timed_out()) return "a connection ended";
  }
  return {};
}

}  // namespace sallyport::testing
