#include "lib/dpdk/io_lcore.h"

#include <sys/prctl.h>

#include <ctime>

namespace sallyport::dpdk {

void idle_wait(IdleMode mode, std::uint32_t empty_polls) noexcept {
  // Fewer empty polls than this are a gap between two bursts, not idleness.
  constexpr std::uint32_t kPatientPolls = 64;
  constexpr timespec kNap{.tv_sec = 0, .tv_nsec = 50'000};
  switch (mode) {
    case IdleMode::spin:
      return;
    case IdleMode::pause:
      __builtin_ia32_pause();
      return;
    case IdleMode::sleep:
      if (empty_polls < kPatientPolls) {
        __builtin_ia32_pause();
        return;
      }
      nanosleep(&kNap, nullptr);
      return;
  }
}

void prepare_to_sleep() noexcept {
  // Without this the kernel adds its default slack of 50 us to every nap.
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

}  // namespace sallyport::dpdk
