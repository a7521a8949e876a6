#include "tests/support/link.h"

#include <algorithm>
#include <utility>

#include "lib/base/internet_sum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ip.h"
#include "tests/support/icmp_frame.h"

namespace sallyport::testing {
namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

Nanos time_to_send(std::size_t bytes, std::uint64_t rate) {
  return Nanos{static_cast<std::int64_t>((bytes * 8 * kNanosPerSecond + rate - 1) / rate)};
}

}  // namespace

bool mark_congestion(MutableBytes frame) {
  const std::size_t l3 = l3_offset(frame);
  const MutableBytes packet = frame.subspan(std::min(l3, frame.size()));
  if (packet.size() < sizeof(wire::Ipv4Header)) return false;
  const bool is_v4 = packet[0] >> 4U == 4;
  if (!is_v4 && packet[0] >> 4U != 6) return false;
  // The two bits are the last of the second byte of IPv4, and of the traffic class of IPv6.
  std::uint8_t& byte = packet[1];
  const unsigned shift = is_v4 ? 0 : 4;
  const auto ecn = static_cast<wire::Ecn>(unsigned{byte} >> shift & 3U);
  if (ecn == wire::Ecn::not_ect) return false;
  byte = static_cast<std::uint8_t>(byte | 3U << shift);
  if (is_v4) {
    const std::size_t header_len = std::size_t{packet[0] & 0xfU} * 4;
    if (header_len < sizeof(wire::Ipv4Header) || header_len > packet.size()) return false;
    store(packet.subspan(10), Be16::of(0));
    InternetSum sum;
    store(packet.subspan(10), sum.add(packet.first(header_len)).checksum());
  }
  return true;
}

bool Link::is_lost() {
  bool lost = random_.chance(options_.loss);
  if (options_.burst.begin > 0) {
    is_bad_ = is_bad_ ? !random_.chance(options_.burst.end) : random_.chance(options_.burst.begin);
    lost = (is_bad_ && random_.chance(options_.burst.loss)) || lost;
  }
  return lost;
}

std::size_t Link::queued(Nanos now) const {
  if (options_.rate == 0 || idle_at_ <= now) return 0;
  const auto wait = static_cast<double>((idle_at_ - now).count());
  return static_cast<std::size_t>(wait * static_cast<double>(options_.rate) / 8e9);
}

std::optional<Bytes> Link::send(Bytes frame, Nanos now) {
  ++counters_.sent;
  if (options_.mtu != 0 && frame.size() > l3_offset(frame) + options_.mtu) {
    ++counters_.too_big;
    if (!options_.reports_mtu) return std::nullopt;
    return too_big_answer(frame, options_.mtu);
  }
  const std::size_t waiting = queued(now);
  if (options_.rate != 0) {
    if (waiting + frame.size() > options_.queue && waiting > 0) {
      ++counters_.overflowed;
      return std::nullopt;
    }
    counters_.longest_queue = std::max(counters_.longest_queue, waiting + frame.size());
    idle_at_ = std::max(idle_at_, now) + time_to_send(frame.size(), options_.rate);
  }
  if (options_.ecn_threshold != 0 && waiting >= options_.ecn_threshold && mark_congestion(frame)) {
    ++counters_.marked;
  }
  const Nanos sent = options_.rate == 0 ? now : idle_at_;
  if (is_lost()) {
    ++counters_.lost;
    return std::nullopt;
  }
  if (random_.chance(options_.corruption) && !frame.empty()) {
    ++counters_.corrupted;
    const std::size_t bit = random_.below(frame.size() * 8);
    frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ (1U << (bit % 8)));
  }
  if (random_.chance(options_.duplication)) {
    ++counters_.duplicated;
    launch(frame, sent);
  }
  launch(std::move(frame), sent);
  return std::nullopt;
}

void Link::launch(Bytes frame, Nanos sent) {
  Nanos at = sent + options_.delay;
  if (random_.chance(options_.reordering)) {
    ++counters_.reordered;
    at += Nanos{static_cast<std::int64_t>(
        random_.below(static_cast<std::uint64_t>(options_.reordering_delay.count()) + 1))};
  }
  under_way_.push({at, order_++, std::move(frame)});
}

std::optional<Nanos> Link::next_arrival() const {
  if (under_way_.empty()) return std::nullopt;
  return under_way_.top().at;
}

std::optional<Bytes> Link::receive(Nanos now) {
  if (under_way_.empty() || under_way_.top().at > now) return std::nullopt;
  // A priority queue shows its top as const only; the frame is moved out right before pop().
  Bytes frame = std::move(const_cast<InFlight&>(under_way_.top()).frame);
  under_way_.pop();
  ++counters_.arrived;
  counters_.arrived_bytes += frame.size();
  return frame;
}

}  // namespace sallyport::testing
