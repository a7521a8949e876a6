// The bytes of a frame are reached here through a bare pointer behind one check of its length: this
// is the only code of the data path whose budget does not hold a bounds check per field.
#include "lib/worker/syn_responder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/base/internet_sum.h"
#include "lib/tcp/options.h"
#include "lib/wire/ip.h"
#include "lib/wire/tcp.h"
#include "lib/worker/local_responder.h"
#include "lib/worker/transmitter.h"

namespace sallyport::worker {
namespace {

constexpr std::uint64_t kMacMask = 0xffff'ffff'ffff;
constexpr std::uint8_t kProtocol = static_cast<std::uint8_t>(wire::IpProtocol::tcp);
constexpr std::size_t kTcpLength = sizeof(wire::TcpHeader);

template <class Word>
Word load(const std::uint8_t* at) noexcept {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}
template <class Word>
void store(std::uint8_t* at, Word word) noexcept {
  std::memcpy(at, &word, sizeof word);
}
std::uint32_t swapped(std::uint32_t word) noexcept { return __builtin_bswap32(word); }
std::uint16_t swapped(std::uint16_t word) noexcept { return __builtin_bswap16(word); }

std::uint64_t word_of(const MacAddress& mac) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, mac.bytes.data(), mac.bytes.size());
  return word;
}

// same compares without a call.
bool same(const IpAddress& a, const IpAddress& b) noexcept {
  using Words = std::array<std::uint64_t, 2>;
  const auto x = std::bit_cast<Words>(a.bytes());
  const auto y = std::bit_cast<Words>(b.bytes());
  return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

// answerable: no answer to such a source is ever forged, broken or special.  What is not, the
// parser judges.
bool answerable_v4(const std::uint8_t* source) noexcept {
  return source[0] != 0 && source[0] != 127 && source[0] < 224;
}
bool answerable_v6(const std::uint8_t* source) noexcept {
  return source[0] != 0xff && load<std::uint64_t>(source) != 0;
}

// sum_of adds up an address as part of a pseudo-header.
std::uint64_t sum_of(const std::uint8_t* octets, std::size_t len) noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < len; i += 4) sum += load<std::uint32_t>(octets + i);
  return sum;
}

std::uint16_t folded(std::uint64_t sum) noexcept {
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Layouts of options in a SYN that most hosts send, as little-endian words.
constexpr std::uint32_t kMssWord = 0x0402;
constexpr std::uint32_t kSackTimestamps = 0x0a08'0204;
constexpr std::uint32_t kNopsTimestamps = 0x0a08'0101;
constexpr std::uint32_t kSackNops = 0x0101'0204;
constexpr std::uint32_t kNopsSack = 0x0204'0101;
constexpr std::uint32_t kNopScale = 0x0003'0301;
constexpr std::uint32_t kNopScaleMask = 0x00ff'ffff;

}  // namespace

// Syn is what the header of a SYN says that matters to the answer.
struct SynResponder::Syn {
  std::uint16_t mss = 0;
  std::uint8_t scale = 0;
  bool window_scale = false;
  bool sack = false;
  bool timestamps = false;
  std::uint32_t tsval = 0;

  // read_options returns false for lists that are broken.
  [[nodiscard]] bool read_options(const std::uint8_t* list, std::size_t len) noexcept {
    if (len == 20 && (load<std::uint32_t>(list) & 0xffff) == kMssWord &&
        load<std::uint32_t>(list + 4) == kSackTimestamps &&
        (load<std::uint32_t>(list + 16) & kNopScaleMask) == kNopScale) {
      mss = swapped(load<std::uint16_t>(list + 2));
      tsval = swapped(load<std::uint32_t>(list + 8));
      scale = list[19];
      window_scale = sack = timestamps = true;
      return true;
    }
    if (len == 12 && (load<std::uint32_t>(list) & 0xffff) == kMssWord &&
        (load<std::uint32_t>(list + 4) & kNopScaleMask) == kNopScale &&
        load<std::uint32_t>(list + 8) == kNopsSack) {
      mss = swapped(load<std::uint16_t>(list + 2));
      scale = list[7];
      window_scale = sack = true;
      return true;
    }
    wire::TcpOptions options;
    if (wire::read_tcp_options({list, len}, options) != wire::PacketError::none) return false;
    mss = options.mss;
    scale = options.window_scale;
    window_scale = options.has_window_scale;
    sack = options.sack_permitted;
    timestamps = options.has_timestamps;
    tsval = options.tsval;
    return true;
  }
};

// Usual is a packet that passed every check which SYNs and ACKs have in common.
struct SynResponder::Usual {
  bool v4 = true;
  const std::uint8_t* source = nullptr;  // address in the IP header; ours follows
  const std::uint8_t* tcp = nullptr;
  std::size_t tcp_len = 0;  // options included
  unsigned ecn_bits = 0;    // of the IP header
  const snapshot::Interface* interface = nullptr;
  const Path* path = nullptr;
  IpAddress remote;
  std::uint64_t from_mac = 0;
};

void SynResponder::begin(const snapshot::Snapshot& snapshot, bool tracking, Tsc now) noexcept {
  snapshot_ = &snapshot;
  tracking_ = tracking;
  wall_ = {snapshot.wall.unix_ms_at(now, snapshot.tsc_rate)};
  ++call_;
}

const snapshot::Interface* SynResponder::interface_of(const frame::Frame& f,
                                                      std::uint16_t& index) noexcept {
  const auto& interfaces = *snapshot_->interfaces;
  const auto is_it = [&f](const snapshot::Interface& i) {
    return i.port == f.port.value && i.vlan == (f.vlan & wire::kVlanIdMask);
  };
  if (last_interface_ >= interfaces.size() || !is_it(interfaces[last_interface_])) {
    const auto found = std::ranges::find_if(interfaces, is_it);
    if (found == interfaces.end()) return nullptr;
    last_interface_ = static_cast<std::uint16_t>(found - interfaces.begin());
  }
  index = last_interface_;
  return &interfaces[index];
}

inline const SynResponder::Path& SynResponder::path_to(const IpAddress& local, std::uint16_t port,
                                                       std::uint16_t interface_index,
                                                       Turn& turn) noexcept {
  const std::uint32_t spread =
      (load<std::uint32_t>(local.bytes().data() + 12) >> 24) + port + interface_index;
  Path& path = paths_[spread % paths_.size()];
  if (path.call != call_ || path.port != port || path.interface_index != interface_index ||
      !same(path.local, local)) [[unlikely]] {
    // What was taken may still name the path that goes.
    if (path.call == call_) finish(turn);
    path.call = call_;
    path.local = local;
    path.port = port;
    path.interface_index = interface_index;
    learn(path);
  }
  return path;
}

void SynResponder::learn(Path& path) const noexcept {
  const auto& listeners = *snapshot_->listeners;
  const SocketAddress address{path.local, path.port};
  const auto listener =
      std::ranges::lower_bound(listeners, address, {}, &snapshot::Listener::address);
  path.usable = listener != listeners.end() && listener->address == address;
  if (!path.usable) return;
  const bool v4 = path.local.is_v4();
  path.interface = &(*snapshot_->interfaces)[path.interface_index];
  path.our_mac = word_of(path.interface->mac);
  path.our_mss = tcp::mss_for_mtu(path.interface->mtu, v4);
  path.window =
      static_cast<std::uint16_t>(std::min(listener->limits.client_receive_buffer, 65'535U));
  path.remembers = tracking_ && listener->tcp.syn_mode == snapshot::SynMode::tracked;
  path.ecn = listener->tcp.ecn != snapshot::EcnPolicy::off;
  const std::uint8_t* octets = path.local.bytes().data();
  const std::uint64_t sum = v4 ? sum_of(octets + 12, 4) : sum_of(octets, 16);
  path.checksum_base = std::uint32_t{folded(sum)} + (std::uint32_t{kProtocol} << 8);
}

bool SynResponder::inspect(const frame::Frame& f, const BurstLook::View& view, Usual& usual,
                           Turn& turn) noexcept {
  const bool v4 = view.shape == BurstLook::Shape::tcp_v4;
  std::uint8_t* p = f.buffer + f.offset;
  std::uint8_t* tcp = p + (v4 ? at::kV4Tcp : at::kV6Tcp);
  const std::size_t tcp_len = (tcp[12] >> 4U) * std::size_t{4};
  const std::size_t total_len = static_cast<std::size_t>(tcp - p) + tcp_len;
  if (tcp_len < kTcpLength || total_len > f.len) return false;
  // Data, or lengths that differ, are not usual.
  const std::size_t stated = v4 ? swapped(load<std::uint16_t>(p + at::kIp + 2)) - std::size_t{20}
                                : std::size_t{swapped(load<std::uint16_t>(p + at::kIp + 4))};
  if (stated != tcp_len) return false;

  std::uint16_t interface_index = 0;
  const snapshot::Interface* interface = interface_of(f, interface_index);
  if (interface == nullptr) return false;
  const std::uint8_t* source = p + (v4 ? at::kV4Source : at::kV6Source);
  const std::uint8_t* destination = source + (v4 ? 4 : 16);
  if (!(v4 ? answerable_v4(source) : answerable_v6(source))) return false;
  if (!v4 && load<std::uint64_t>(destination) == 0) return false;
  const auto address_at = [v4](const std::uint8_t* octets) {
    return v4 ? IpAddress::v4(std::bit_cast<IpAddress::Bytes4>(load<std::uint32_t>(octets)))
              : IpAddress::v6(std::bit_cast<IpAddress::Bytes16>(
                    std::array{load<std::uint64_t>(octets), load<std::uint64_t>(octets + 8)}));
  };
  const IpAddress remote = address_at(source);
  const Path& path = path_to(address_at(destination), swapped(load<std::uint16_t>(tcp + 2)),
                             interface_index, turn);
  if (!path.usable) return false;
  for (const IpAddress& local : interface->local_ips) {
    if (same(local, remote)) return false;
  }
  if (same(path.local, remote)) return false;
  const std::uint64_t from_mac = load<std::uint64_t>(p + 6) & kMacMask;
  if ((load<std::uint64_t>(p) & kMacMask) != path.our_mac || from_mac == path.our_mac) return false;
  if (f.checksum != frame::ChecksumState::good) {
    if (v4 && !InternetSum{}.add({p + at::kIp, 20}).verifies()) return false;
    InternetSum sum;
    sum.add_pseudo_header(remote, path.local, kProtocol, static_cast<std::uint32_t>(tcp_len));
    if (!sum.add({tcp, tcp_len}).verifies()) return false;
  }
  usual.v4 = v4;
  usual.source = source;
  usual.tcp = tcp;
  usual.tcp_len = tcp_len;
  usual.ecn_bits = (v4 ? unsigned{p[at::kIp + 1]} : unsigned{p[at::kIp + 1]} >> 4U) & 3U;
  usual.interface = interface;
  usual.path = &path;
  usual.remote = remote;
  usual.from_mac = from_mac;
  return true;
}

bool SynResponder::take(frame::Frame& f, const BurstLook::View& view, Turn& turn) noexcept {
  // Somebody else may still read the bytes, and draining is a reason to be counted.
  if (f.is_shared() || snapshot_->draining) return false;
  Usual usual;
  if (!inspect(f, view, usual, turn)) return false;
  if (usual.path->remembers) return false;
  const bool offers_ecn = view.tcp_flags != 0x02;
  if (offers_ecn && usual.ecn_bits != 0) return false;
  Syn syn;
  if (!syn.read_options(usual.tcp + kTcpLength, usual.tcp_len - kTcpLength)) return false;
  std::uint64_t to_mac = usual.from_mac;
  const snapshot::Interface& interface = *usual.interface;
  if (interface.reply == snapshot::ReplyMode::gateway) {
    const std::uint16_t next_hop = route_to(interface, usual.remote);
    if (next_hop != LinkPeer::kFixedMac) {
      if (!interface.next_hops[next_hop].resolved) return false;
      to_mac = word_of(interface.next_hops[next_hop].mac);
    }
  }

  const bool v4 = usual.v4;
  Batch& batch = v4 ? v4_ : v6_;
  const std::size_t lane = batch.size++;
  tcp::CookieLanes& lanes = batch.lanes;
  if (v4) {
    lanes.tuple.set_v4(lane, usual.source, usual.tcp);
  } else {
    lanes.tuple.set_v6(lane, usual.source, usual.tcp);
  }
  lanes.client_isn.lane[lane] = swapped(load<std::uint32_t>(usual.tcp + 4));
  const bool ecn = offers_ecn && usual.path->ecn && syn.timestamps;
  const tcp::cookie::Offer offer =
      tcp::cookie::offer_of(v4, syn.mss, syn.window_scale, syn.scale, syn.sack, ecn);
  lanes.offered_bits[lane] = offer.bits;
  lanes.offered_fine[lane] = offer.fine;
  lanes.timestamps[lane] = syn.timestamps;
  batch.pending[lane] = {.frame = &f,
                         .path = usual.path,
                         .to_mac = to_mac,
                         .tsval = syn.tsval,
                         .timestamps = syn.timestamps,
                         .window_scale = syn.window_scale,
                         .sack = syn.sack,
                         .ecn = ecn};
  f.kept = true;
  if (batch.size == kLanes) answer(batch, turn);
  return true;
}

void SynResponder::finish(Turn& turn) noexcept {
  if (v4_.size > 0) answer(v4_, turn);
  if (v6_.size > 0) answer(v6_, turn);
}

void SynResponder::answer(Batch& batch, Turn& turn) noexcept {
  std::array<tcp::CookieLanes::Reply, kLanes> replies;
  batch.lanes.make(snapshot_->cookie_keys, wall_, batch.size, replies);
  const bool v4 = batch.lanes.tuple.is_v4;
  for (std::size_t i = 0; i < batch.size; ++i) {
    const Pending& to = batch.pending[i];
    const Path& path = *to.path;
    frame::Frame& f = *to.frame;
    std::uint8_t* p = f.buffer + f.offset;
    std::uint8_t* tcp = p + (v4 ? at::kV4Tcp : at::kV6Tcp);

    // Options, in the order of wire::write_tcp_options().
    // [RFC 7323 2.2] [RFC 7323 3.2] [RFC 2018 2] Only what the SYN offered is answered.
    std::uint8_t* option = tcp + kTcpLength;
    store(option, kMssWord | std::uint32_t{swapped(path.our_mss)} << 16);
    option += path.our_mss != 0 ? 4 : 0;
    if (to.timestamps) {
      store(option, to.sack ? kSackTimestamps : kNopsTimestamps);
      store(option + 4, swapped(replies[i].tsval));
      store(option + 8, swapped(to.tsval));
      option += 12;
    } else if (to.sack) {
      store(option, kSackNops);
      option += 4;
    }
    if (to.window_scale) {
      store(option, kNopScale | std::uint32_t{tcp::kOurWindowScale} << 24);
      option += 4;
    }
    const auto tcp_len = static_cast<std::uint32_t>(option - tcp);

    // Both addresses, and both ports, change places.
    std::uint64_t sum = path.checksum_base + std::uint64_t{swapped(tcp_len)};
    if (v4) {
      const auto addresses = load<std::uint64_t>(p + at::kV4Source);
      sum += static_cast<std::uint32_t>(addresses);
      store(p + at::kIp, swapped(std::uint32_t{0x4500'0000} | (20 + tcp_len)));
      store(p + at::kIp + 4, swapped(std::uint32_t{wire::kDontFragment}));
      store(p + at::kIp + 8, swapped(std::uint32_t{64} << 24 | std::uint32_t{kProtocol} << 16));
      store(p + at::kV4Source, std::rotl(addresses, 32));
    } else {
      const auto remote_high = load<std::uint64_t>(p + at::kV6Source);
      const auto remote_low = load<std::uint64_t>(p + at::kV6Source + 8);
      sum += (remote_high & 0xffff'ffff) + (remote_high >> 32) + (remote_low & 0xffff'ffff) +
             (remote_low >> 32);
      store(p + at::kIp, swapped(std::uint32_t{0x6000'0000}));
      store(p + at::kIp + 4, swapped(tcp_len << 16 | std::uint32_t{kProtocol} << 8 | 64U));
      std::memcpy(p + at::kV6Source, p + at::kV6Source + 16, 16);
      store(p + at::kV6Source + 16, remote_high);
      store(p + at::kV6Source + 24, remote_low);
    }
    store(tcp, std::rotl(load<std::uint32_t>(tcp), 16));
    store(tcp + 4, swapped(replies[i].seq));
    store(tcp + 8,
          swapped(static_cast<std::uint32_t>(batch.lanes.client_isn.lane[i]) + std::uint32_t{1}));
    const std::uint32_t flags = to.ecn ? 0x52U : 0x12U;  // SYN, ACK, and ECE
    store(tcp + 12, swapped(tcp_len / 4 << 28 | flags << 16 | path.window));
    store(tcp + 16, std::uint32_t{folded(sum)});
    // The type of the frame stays.
    store(p + 4, static_cast<std::uint16_t>(to.to_mac >> 32));
    store(p, static_cast<std::uint32_t>(to.to_mac));
    store(p + 6, static_cast<std::uint32_t>(path.our_mac));
    store(p + 10, static_cast<std::uint16_t>(path.our_mac >> 32));

    f.len = static_cast<std::uint16_t>(static_cast<std::uint32_t>(tcp - p) + tcp_len);
    f.vlan = path.interface->vlan;
    f.tx = {.l2_len = at::kIp,
            .l3_len = static_cast<std::uint8_t>(v4 ? 20 : 40),
            .ip_checksum = v4,
            .l4_checksum = true};
    turn.out.send(f);
  }
  stats_.stages.count(stats::HandshakeStage::syn_received, batch.size);
  stats_.stages.count(stats::HandshakeStage::syn_ack_sent, batch.size);
  batch.size = 0;
}

bool SynResponder::take_ack(frame::Frame& f, const BurstLook::View& view, Turn& turn) noexcept {
  Usual usual;
  if (!inspect(f, view, usual, turn)) return false;
  const std::uint8_t* list = usual.tcp + kTcpLength;
  const std::size_t len = usual.tcp_len - kTcpLength;
  bool timestamps = false;
  std::uint32_t tsecr = 0;
  if (len == 12 && load<std::uint32_t>(list) == kNopsTimestamps) {
    timestamps = true;
    tsecr = swapped(load<std::uint32_t>(list + 8));
  } else if (len > 0) {
    wire::TcpOptions options;
    if (wire::read_tcp_options({list, len}, options) != wire::PacketError::none) return false;
    timestamps = options.has_timestamps;
    tsecr = options.tsecr;
  }
  AckBatch& batch = usual.v4 ? acks_v4_ : acks_v6_;
  const std::size_t lane = batch.size++;
  if (usual.v4) {
    batch.lanes.tuple.set_v4(lane, usual.source, usual.tcp);
  } else {
    batch.lanes.tuple.set_v6(lane, usual.source, usual.tcp);
  }
  batch.lanes.seq.lane[lane] = swapped(load<std::uint32_t>(usual.tcp + 4));
  batch.lanes.ack[lane] = swapped(load<std::uint32_t>(usual.tcp + 8));
  batch.lanes.timestamps[lane] = timestamps;
  batch.lanes.tsecr[lane] = tsecr;
  batch.frames[lane] = &f;
  batch.may_be_reset[lane] = usual.interface->strays == snapshot::StrayPolicy::reset;
  return true;
}

std::span<frame::Frame* const> SynResponder::judge_acks(TokenBucket& resets, Tsc now) noexcept {
  num_referred_ = 0;
  if (acks_v4_.size > 0) judge(acks_v4_, resets, now);
  if (acks_v6_.size > 0) judge(acks_v6_, resets, now);
  return std::span{referred_}.first(num_referred_);
}

void SynResponder::judge(AckBatch& batch, TokenBucket& resets, Tsc now) noexcept {
  using stats::CookieRefusal;
  using stats::DropReason;
  using Verdict = tcp::AckLanes::Verdict;
  std::array<Verdict, kLanes> verdicts;
  batch.lanes.check(snapshot_->cookie_keys, wall_, batch.size, verdicts);
  std::uint64_t num_refused = 0;
  std::uint64_t num_resets_withheld = 0;
  std::uint64_t num_expired = 0;
  std::uint64_t num_overtaking = 0;
  for (std::size_t i = 0; i < batch.size; ++i) {
    switch (verdicts[i]) {
      case Verdict::accepted:
        // Makes no state; the first data will prove the cookie again.
        break;
      case Verdict::overtakes:
        ++num_overtaking;
        break;
      case Verdict::expired:
      case Verdict::bad_mac:
        if (batch.may_be_reset[i] && resets.has(now)) {
          referred_[num_referred_++] = batch.frames[i];
          break;
        }
        ++num_refused;
        num_resets_withheld += batch.may_be_reset[i] ? 1U : 0U;
        num_expired += verdicts[i] == Verdict::expired ? 1U : 0U;
        break;
    }
  }
  batch.size = 0;
  if (num_overtaking > 0) stats_.drops.count(DropReason::tcp_early_overtake, num_overtaking);
  if (num_refused == 0) return;
  stats_.cookie_refusals.count(CookieRefusal::bad_mac, num_refused - num_expired);
  stats_.cookie_refusals.count(CookieRefusal::expired, num_expired);
  stats_.traffic.count(stats::Traffic::rst_rate_limited, num_resets_withheld);
  stats_.drops.count(DropReason::tcp_cookie_refused, num_refused);
}

}  // namespace sallyport::worker
