#include "lib/tcp/syn_cookie.h"

#include <algorithm>
#include <array>

#include "lib/tcp/cookie_format.h"
#include "lib/tcp/options.h"
#include "lib/tcp/tuple_hash.h"

namespace sallyport::tcp {
namespace {

using namespace cookie;

static_assert(kCookiePeriodsBehind + kCookiePeriodsAhead == kTimeMask,
              "three bits of time name every accepted period once");

// TupleMac is the hash of one tuple under one key, at the point where its uses part.  They end in
// different numbers of bytes, so none is the value of another.
class TupleMac {
 public:
  TupleMac(const TupleWords& tuple, const SipKey& key) noexcept
      : hash_{key}, ports_{tuple.ports()} {
    tuple.absorb_addresses(hash_);
  }
  [[nodiscard]] std::uint32_t ts_offset() const noexcept {
    return static_cast<std::uint32_t>(hash_.finish(ports_, 4));
  }
  [[nodiscard]] std::uint32_t mac(SeqNum client_isn, std::uint64_t period,
                                  std::uint32_t option_bits, bool timestamps) const noexcept {
    SipState hash = hash_;
    hash.absorb(std::uint64_t{client_isn.raw} << 32 | ports_);
    const std::uint64_t tail = mac_tail(period, option_bits, timestamps);
    return static_cast<std::uint32_t>(hash.finish(tail, kMacTailLength)) & ~kOptionBits;
  }

 private:
  SipState hash_;
  std::uint32_t ports_;
};

}  // namespace

Segment make_syn_ack(const FourTuple& tuple, const Segment& syn, const SynAckParameters& ours,
                     const CookieKeys& keys, WallTime now) noexcept {
  const Options& offered = syn.options;
  const TupleWords words{tuple};
  const TupleMac hash{words, keys.current};
  // Only a TSval has room to remember it.
  const bool ecn = ours.ecn && offered.has_timestamps && syn.is_ecn_setup();
  const Offer offer = offer_of(words.is_v4(), offered.mss, offered.has_window_scale,
                               offered.window_scale, offered.sack_permitted, ecn);

  Segment reply;
  reply.flags = kSyn | kAck;
  if (ecn) reply.flags |= kEce;
  reply.ack = syn.seq + 1;
  // [RFC 7323 2.2] The window of a SYN is never scaled.
  reply.window = static_cast<std::uint16_t>(std::min(ours.receive_buffer, 65'535U));
  reply.options.mss = ours.our_mss;
  // [RFC 7323 2.2] [RFC 7323 3.2] [RFC 2018 2] Only what the SYN offered may be answered.
  reply.options.has_window_scale = offered.has_window_scale;
  reply.options.window_scale = offered.has_window_scale ? kOurWindowScale : std::uint8_t{0};
  reply.options.sack_permitted = offered.sack_permitted;

  std::uint64_t made_at = now.unix_ms;
  if (offered.has_timestamps) {
    const std::uint32_t clock = static_cast<std::uint32_t>(now.unix_ms) + hash.ts_offset();
    // The period is that of the time which the TSval can still tell after losing its low bits.
    made_at -= clock & kTimestampBits;
    reply.options.has_timestamps = true;
    reply.options.tsval = (clock & ~kTimestampBits) | offer.fine;
    reply.options.tsecr = offered.tsval;
  }

  const std::uint64_t period = made_at >> kCookiePeriodBits;
  const std::uint32_t bits = (static_cast<std::uint32_t>(period) & kTimeMask) << kTimeShift |
                             offer.bits | (keys.epoch & 1U);
  reply.seq.raw = hash.mac(syn.seq, period, bits, offered.has_timestamps) | bits;
  return reply;
}

Result<PeerOptions, stats::CookieRefusal> check_cookie(const FourTuple& tuple,
                                                       const Segment& segment,
                                                       const CookieKeys& keys,
                                                       WallTime now) noexcept {
  using stats::CookieRefusal;
  const std::uint32_t isn = (segment.ack - 1U).raw;
  const std::uint32_t bits = isn & kOptionBits;
  const std::uint32_t time = bits >> kTimeShift & kTimeMask;
  const Options& options = segment.options;
  const TupleWords words{tuple};
  const TupleMac hash{words, key_for(keys, isn)};

  std::uint32_t offset = 0;
  std::uint64_t period = 0;
  if (options.has_timestamps) {
    // [RFC 7323 3.2] A peer that negotiated timestamps sends them in every segment, and TSecr is
    // the TSval of our SYN-ACK, as we sent nothing else.
    offset = hash.ts_offset();
    period = sent_at(options.tsecr, offset, now) >> kCookiePeriodBits;
    if ((period & kTimeMask) != time) return Err{CookieRefusal::bad_mac};
  } else {
    // The one accepted period with these three bits.
    const std::uint64_t latest = (now.unix_ms >> kCookiePeriodBits) + kCookiePeriodsAhead;
    period = latest - ((latest - time) & kTimeMask);
  }
  const std::uint32_t mac = hash.mac(segment.seq - 1U, period, bits, options.has_timestamps);
  if (mac != (isn & ~kOptionBits)) return Err{CookieRefusal::bad_mac};
  if (!is_alive(period, now)) return Err{CookieRefusal::expired};

  PeerOptions accepted;
  const std::uint32_t coarse = bits >> kMssShift & kMssMask;
  const std::uint32_t scale = bits >> kScaleShift & kScaleMask;
  const MssTable& table = mss_table(words.is_v4());
  accepted.mss = table[coarse];
  accepted.has_window_scale = scale != kNoScale;
  accepted.window_scale = scale != kNoScale ? static_cast<std::uint8_t>(scale) : std::uint8_t{0};
  accepted.sack_permitted = (bits >> kSackShift & 1U) != 0;
  if (options.has_timestamps) {
    accepted.has_timestamps = true;
    accepted.ecn = (options.tsecr & kEcnBit) != 0;
    accepted.mss = fine_mss(table, coarse, (options.tsecr & kTimestampBits) >> kFineShift);
    // [RFC 7323 5.2] Our TSval never goes back, not even when the wall clock did since.
    const std::uint32_t clock = static_cast<std::uint32_t>(now.unix_ms) + offset;
    const bool clock_is_behind = static_cast<std::int32_t>(clock - options.tsecr) < 0;
    accepted.tsval = clock_is_behind ? options.tsecr : clock;
  }
  return accepted;
}

bool overtakes(const FourTuple& tuple, const Segment& segment, const CookieKeys& keys,
               WallTime now) noexcept {
  if (!segment.flags.ack() || segment.flags.syn() || segment.flags.rst()) return false;
  if (!segment.options.has_timestamps) return segment.payload_len > 0;
  const TupleWords words{tuple};
  const auto is_fresh = [&](const SipKey& key) noexcept {
    const std::uint32_t offset = TupleMac{words, key}.ts_offset();
    return is_alive(sent_at(segment.options.tsecr, offset, now) >> kCookiePeriodBits, now);
  };
  return is_fresh(keys.current) || is_fresh(keys.adjacent);
}

}  // namespace sallyport::tcp
