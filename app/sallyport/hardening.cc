#include "app/sallyport/hardening.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace sallyport {

std::string harden_process() {
  std::string missing;
  const auto note = [&](const char* what) {
    missing += (missing.empty() ? "" : "; ") + std::string{what} + ": " + std::strerror(errno);
  };
  constexpr rlimit kNone{.rlim_cur = 0, .rlim_max = 0};
  if (setrlimit(RLIMIT_CORE, &kNone) != 0) note("core dumps stay possible");
  // Also keeps other processes of the same user from reading our memory.
  if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0) note("debuggers can attach");
  // On fault: what is reserved and never touched costs no memory.
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    note("memory may be swapped out (CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK would help)");
  }
  return missing;
}

}  // namespace sallyport
