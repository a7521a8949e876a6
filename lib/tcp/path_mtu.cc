#include "lib/tcp/path_mtu.h"

#include <algorithm>
#include <array>

#include "lib/tcp/options.h"

namespace sallyport::tcp {
namespace {

// [RFC 1191 7] Plateaus below an Ethernet's 1,500: tunnels, PPPoE, X.25 and what every IPv6 link
// and every IPv4 host must take.
constexpr std::array<std::uint16_t, 5> kPlateaus{1492, 1400, 1280, 1006, kLeastPathMtuV4};
// From where on packets are seldom too large.
constexpr std::uint16_t kCautiousMtu = 1280;

std::uint16_t least_mtu(const Tcb& tcb) noexcept {
  return tcb.is_v4 ? kLeastPathMtuV4 : kLeastPathMtuV6;
}

// packet_size is that of a full segment.
std::uint32_t packet_size(const Tcb& tcb) noexcept {
  return std::uint32_t{tcb.snd_mss} + (tcb.is_v4 ? 40U : 60U) +
         (tcb.timestamps ? kTimestampsLength : 0U);
}

std::uint16_t next_plateau(std::uint32_t below) noexcept {
  const auto at = std::ranges::find_if(kPlateaus, [&](std::uint16_t mtu) { return mtu < below; });
  return at == kPlateaus.end() ? kLeastPathMtuV4 : *at;
}

}  // namespace

bool is_about_us(const Tcb& tcb, SeqNum quoted) noexcept {
  return at_or_after(quoted, tcb.snd_una) && before(quoted, tcb.snd_max);
}

bool limit_to_path_mtu(Tcb& tcb, std::uint32_t mtu) noexcept {
  const std::uint32_t size = packet_size(tcb);
  if (mtu == 0) mtu = next_plateau(size);
  // [RFC 8201 4] [RFC 5927 7.2] What is smaller than every link is raised, or not believed at all.
  if (mtu < least_mtu(tcb)) {
    if (!tcb.is_v4) return false;
    mtu = least_mtu(tcb);
  }
  if (mtu >= size) return false;
  tcb.snd_mss = static_cast<std::uint16_t>(tcb.snd_mss - (size - mtu));
  return true;
}

void suspect_black_hole(Tcb& tcb) noexcept {
  const std::uint32_t size = packet_size(tcb);
  if (size > kCautiousMtu) {
    (void)limit_to_path_mtu(tcb, kCautiousMtu);
  } else if (tcb.is_v4) {
    (void)limit_to_path_mtu(tcb, kLeastPathMtuV4);
  }
}

}  // namespace sallyport::tcp
