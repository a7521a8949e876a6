#include "lib/dpdk/eal.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_version.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "lib/dpdk/log_tail.h"

namespace sallyport::dpdk {
namespace {

std::vector<unsigned> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// free_huge_pages: of any size, on the whole machine.
bool free_huge_pages() {
  std::error_code error;
  const std::filesystem::directory_iterator sizes{"/sys/kernel/mm/hugepages", error};
  if (error) return false;
  for (const auto& size : sizes) {
    unsigned long free = 0;
    if (std::ifstream{size.path() / "free_hugepages"} >> free && free > 0) return true;
  }
  return false;
}

std::string place_text(const LcorePlace& place) {
  std::string cpus;
  for (const unsigned cpu : place.cpus) {
    if (!cpus.empty()) cpus += ',';
    cpus += std::to_string(cpu);
  }
  return std::to_string(place.lcore) + "@(" + cpus + ")";
}

// take_signals_from_drivers: net_tap asks the kernel for a real-time signal per packet and reads
// its device only after one was handled.  The kernel queues each, for any thread, most likely the
// control thread: an I/O lcore with time to spare would leave packets behind whenever that one has
// to wait for a CPU.  A driver that finds no signal free polls, which is what our loop is for.
void take_signals_from_drivers() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaction(signal, &action, nullptr);
}

void* allocate_huge(void* context, std::size_t bytes, std::size_t alignment) {
  const auto socket = static_cast<int>(reinterpret_cast<std::intptr_t>(context));
  return rte_zmalloc_socket("sallyport", bytes, static_cast<unsigned>(alignment), socket);
}
void release_huge(void* /*context*/, void* memory) { rte_free(memory); }

}  // namespace

bool is_pci_address(const std::string& device) {
  const std::string address = device.substr(0, device.find(','));
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned slot = 0;
  unsigned function = 0;
  int used = 0;
  const auto whole = [&] { return used == static_cast<int>(address.size()); };
  if (std::sscanf(address.c_str(), "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &used) ==
      4) {
    return whole();
  }
  return std::sscanf(address.c_str(), "%2x:%2x.%1x%n", &bus, &slot, &function, &used) == 3 &&
         whole();
}

LcorePlan plan_lcores(const std::vector<unsigned>& lcores, const std::vector<unsigned>& cpus) {
  const auto has = [](const std::vector<unsigned>& all, unsigned x) {
    return std::ranges::find(all, x) != all.end();
  };
  LcorePlan plan;
  for (const unsigned lcore : lcores) {
    plan.workers.push_back({lcore, has(cpus, lcore) ? std::vector{lcore} : cpus});
  }
  while (has(lcores, plan.main.lcore)) ++plan.main.lcore;
  for (const unsigned cpu : cpus) {
    if (!has(lcores, cpu)) plan.main.cpus.push_back(cpu);
  }
  if (plan.main.cpus.empty()) plan.main.cpus = cpus;
  return plan;
}

std::vector<std::string> eal_arguments(const EalOptions& options, const LcorePlan& plan,
                                       bool huge_pages) {
  std::string lcores = place_text(plan.main);
  for (const LcorePlace& place : plan.workers) lcores += "," + place_text(place);
  std::vector<std::string> arguments{"sallyport", "--lcores", lcores, "--main-lcore",
                                     std::to_string(plan.main.lcore)};
  const auto add = [&](auto... more) { (arguments.emplace_back(more), ...); };
  bool pci = false;
  for (const std::string& device : options.devices) {
    if (!is_pci_address(device)) continue;
    pci = true;
    add("-a", device);
  }
  if (!pci) add("--no-pci");
  if (!huge_pages) {
    const std::size_t megabytes = (options.memory_bytes + (std::size_t{1} << 20) - 1) >> 20;
    add("--no-huge", "-m", std::to_string(megabytes));
    // Physical addresses of ordinary pages are of no use to anyone.
    add("--iova-mode=va");
  }
  add("--file-prefix", options.instance);
  if (options.visibility == Visibility::hidden) {
    add("--no-telemetry");
    // Several hidden instances share no file, so tests run side by side.
    if (huge_pages) {
      add("--in-memory");
    } else {
      add("--no-shconf");
    }
  }
  add("--log-level=*:warning");
  return arguments;
}

Failure Eal::start(const EalOptions& options) {
  huge_pages_ = options.huge_pages == HugePages::on ||
                (options.huge_pages == HugePages::automatic && free_huge_pages());
  for (const unsigned lcore : options.lcores) {
    if (lcore < RTE_MAX_LCORE) continue;
    return "lcore " + std::to_string(lcore) + " is above " + std::to_string(RTE_MAX_LCORE - 1) +
           ", the highest that DPDK knows; choose lower ones";
  }
  plan_ = plan_lcores(options.lcores, allowed_cpus());
  std::vector<std::string> arguments = eal_arguments(options, plan_, huge_pages_);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  take_signals_from_drivers();
  const LogTail log;
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    const int why = rte_errno;
    std::string text = "cannot start DPDK: ";
    text += log.text().empty() ? std::string{rte_strerror(why)} : log.text();
    if (geteuid() != 0) {
      text += "; it needs root (or CAP_NET_ADMIN, CAP_IPC_LOCK and access to its devices)";
    } else if (why == EAGAIN || text.find("another primary") != std::string::npos) {
      text += "; another process runs under the instance name \"" + options.instance +
              "\": stop it, or choose another name";
    } else if (huge_pages_) {
      text +=
          "; reserve huge pages (sysctl vm.nr_hugepages=512, mount -t hugetlbfs none "
          "/dev/hugepages), or set dataplane.huge_pages = \"off\"";
    }
    return text;
  }
  started_ = true;
  announced_ = options.visibility == Visibility::announced;
  return {};
}

void Eal::cleanup() noexcept {
  if (!started_) return;
  started_ = false;
  // DPDK leaves its files behind; without them nobody takes this instance for a running one.
  const std::filesystem::path directory = announced_ ? rte_eal_get_runtime_dir() : "";
  rte_eal_cleanup();
  std::error_code ignored;
  if (!directory.empty()) std::filesystem::remove_all(directory, ignored);
}

bool Eal::launch(unsigned lcore, int (*entry)(void*), void* argument) noexcept {
  return rte_eal_remote_launch(entry, argument, lcore) == 0;
}

void Eal::wait(unsigned lcore) noexcept { rte_eal_wait_lcore(lcore); }

TscRate Eal::tsc_rate() noexcept { return {rte_get_tsc_hz()}; }

const char* Eal::version() noexcept { return rte_version(); }

std::string Eal::telemetry_socket() const {
  if (!announced_) return {};
  return std::string{rte_eal_get_runtime_dir()} + "/dpdk_telemetry.v2";
}

Arena Eal::arena(unsigned lcore) const noexcept {
  // Without huge pages DPDK's heap has no merit over the system's, and a fixed size.
  if (!huge_pages_) return {};
  const auto socket = static_cast<std::intptr_t>(rte_lcore_to_socket_id(lcore));
  return {allocate_huge, release_huge, reinterpret_cast<void*>(socket)};
}

}  // namespace sallyport::dpdk
