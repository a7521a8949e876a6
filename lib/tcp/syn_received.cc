#include "lib/tcp/syn_received.h"

#include <algorithm>

#include "lib/tcp/options.h"
#include "lib/tcp/rtt.h"

namespace sallyport::tcp {
namespace {

using stats::DropReason;
using Step = SynReceivedStep;

// The SYN-ACK goes out after 0, 1, 3, 7 and 15 s, and 16 s later the record goes.  The address may
// be forged: each of these is traffic to somebody who did not ask for it.
constexpr std::uint8_t kMaxRepetitions = 4;
// In TLS the client speaks at once.
constexpr Micros kLongestSilence = from_millis(10'000);

SynReceivedArrival dropped(DropReason why) noexcept { return {Step::drop, why}; }

void take_ack(SynReceived& record, Instant now) noexcept {
  if (record.acknowledged) return;
  record.acknowledged = true;
  if (record.repetitions == 0) record.rtt = {std::max(record.sent_at.elapsed(now).count, 1U)};
}

}  // namespace

SynReceived remember(const Segment& syn, const Segment& syn_ack, Instant now) noexcept {
  const Options& offered = syn.options;
  SynReceived record;
  record.iss = syn_ack.seq;
  record.irs = syn.seq;
  record.tsval = syn_ack.options.tsval;
  record.ts_recent = offered.tsval;
  record.sent_at = Stamp{now};
  record.mss = offered.mss;
  record.window = syn_ack.window;
  record.our_mss = syn_ack.options.mss;
  record.window_scale = std::min(offered.window_scale, kMaxWindowScale) & 15U;
  record.has_window_scale = offered.has_window_scale;
  record.sack_permitted = offered.sack_permitted;
  record.has_timestamps = offered.has_timestamps;
  record.ecn = syn_ack.flags.ece();
  return record;
}

SynReceivedArrival segment_arrives(SynReceived& record, const Segment& segment,
                                   Instant now) noexcept {
  const Flags flags = segment.flags;
  const SeqNum rcv_nxt = record.irs + 1U;
  if (flags.rst()) {
    // [RFC 5961 3.2] Only the exact number; there is nothing worth a challenge here.
    if (segment.seq == rcv_nxt) return {Step::forget, DropReason::none};
    return dropped(DropReason::tcp_blind_reset);
  }
  if (flags.syn()) {
    if (flags.ack()) return {Step::stray, DropReason::none};
    // [RFC 9293 3.10.7.4] Fourth: back to LISTEN, where another SYN begins anew.
    const bool is_same = segment.seq == record.irs;
    return {is_same ? Step::repeat_syn_ack : Step::restart, DropReason::none};
  }
  if (!flags.ack()) return dropped(DropReason::tcp_bad_flags);
  if (segment.ack != record.iss + 1U) return {Step::stray, DropReason::none};
  // [RFC 7323 3.2] Once negotiated, timestamps are in every segment.
  if (record.has_timestamps && !segment.options.has_timestamps) {
    return dropped(DropReason::tcp_paws);
  }
  if (segment.seq != rcv_nxt) {
    const bool is_ahead =
        after(segment.seq, rcv_nxt) && before(segment.seq, rcv_nxt + std::uint32_t{record.window});
    if (!is_ahead) return dropped(DropReason::tcp_out_of_window);
    // It acknowledges our SYN all the same; its text comes again, behind what it overtook.
    take_ack(record, now);
    return dropped(DropReason::tcp_early_overtake);
  }
  take_ack(record, now);
  if (segment.payload_len > 0) return {Step::completes, DropReason::none};
  return {flags.fin() ? Step::closes : Step::acknowledged, DropReason::none};
}

Segment repeat(SynReceived& record) noexcept {
  if (record.repetitions < 15) ++record.repetitions;
  Segment syn_ack;
  syn_ack.seq = record.iss;
  syn_ack.ack = record.irs + 1U;
  syn_ack.flags = kSyn | kAck;
  if (record.ecn) syn_ack.flags |= kEce;
  syn_ack.window = record.window;
  Options& options = syn_ack.options;
  options.mss = record.our_mss;
  options.has_window_scale = record.has_window_scale;
  options.window_scale = record.has_window_scale ? kOurWindowScale : std::uint8_t{0};
  options.sack_permitted = record.sack_permitted;
  options.has_timestamps = record.has_timestamps;
  if (record.has_timestamps) {
    options.tsval = record.tsval;
    options.tsecr = record.ts_recent;
  }
  return syn_ack;
}

Micros time_out(const SynReceived& record) noexcept {
  if (record.acknowledged) return kLongestSilence;
  return {kInitialRto.count << std::min(record.repetitions, kMaxRepetitions)};
}

bool is_given_up(const SynReceived& record) noexcept {
  return record.acknowledged || record.repetitions >= kMaxRepetitions;
}

PeerOptions peer_options(const SynReceived& record, Instant now) noexcept {
  PeerOptions options;
  options.mss = record.mss;
  options.window_scale = record.window_scale;
  options.has_window_scale = record.has_window_scale;
  options.sack_permitted = record.sack_permitted;
  options.has_timestamps = record.has_timestamps;
  options.ecn = record.ecn;
  options.tsval = record.tsval + record.sent_at.elapsed(now).count / 1000;
  options.rtt = record.rtt;
  options.lost_syn_ack = record.repetitions > 0;
  return options;
}

}  // namespace sallyport::tcp
