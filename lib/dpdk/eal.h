// Eal: DPDK's environment layer, started once per process from a plain structure.  No header of
// this module shows an rte_ type, so the programs that bind the modules together see none either.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/arena.h"
#include "lib/base/units.h"

namespace sallyport::dpdk {

// Failure is empty on success; else it says what went wrong and what to do about it.  Only for
// start-up and control code: the data path never makes text.
using Failure = std::optional<std::string>;

enum class HugePages : std::uint8_t {
  automatic,  // used when the system has free ones
  on,         // required
  off,        // never: ordinary pages, for laptops and CI
};

// Visibility says whether the instance can be found by other programs.
enum class Visibility : std::uint8_t {
  announced,  // telemetry socket and run-time directory named after the instance
  hidden,     // neither: for tests, which need no directory and no root
};

struct EalOptions {
  std::string instance = "sallyport";  // names the run-time directory; one per running process
  // The data-path lcores, in the order of the configuration.  An lcore runs on the CPU of its
  // number; where there is no such CPU it floats over all CPUs that we may use.
  std::vector<unsigned> lcores;
  HugePages huge_pages = HugePages::automatic;
  std::size_t memory_bytes = std::size_t{256} << 20;  // of DPDK, when there are no huge pages
  // Every device that Port::open will be given: PCI devices have to be known at start.
  std::vector<std::string> devices;
  Visibility visibility = Visibility::announced;
};

// LcorePlace is where one lcore runs.
struct LcorePlace {
  unsigned lcore = 0;
  std::vector<unsigned> cpus;  // one: pinned; several: floating
};

// LcorePlan is the main lcore (control thread) and the others.
struct LcorePlan {
  LcorePlace main;
  std::vector<LcorePlace> workers;
};

// plan_lcores places lcores on the CPUs that this process may use.  The main lcore is the lowest
// number that `lcores` does not name, on a CPU that no other lcore has where there is one.
// Precondition: `cpus` is not empty.
[[nodiscard]] LcorePlan plan_lcores(const std::vector<unsigned>& lcores,
                                    const std::vector<unsigned>& cpus);

// eal_arguments is the command line for rte_eal_init, argv[0] included.
[[nodiscard]] std::vector<std::string> eal_arguments(const EalOptions& options,
                                                     const LcorePlan& plan, bool huge_pages);

// is_pci_address: "0000:3b:00.0" or "3b:00.0", with or without device arguments after a comma.
[[nodiscard]] bool is_pci_address(const std::string& device);

class Eal {
 public:
  Eal() = default;
  ~Eal() { cleanup(); }
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // start initialises DPDK.  It can be done once in the life of a process.
  [[nodiscard]] Failure start(const EalOptions& options);
  // cleanup gives everything back: every lcore has returned, every port is closed.
  void cleanup() noexcept;

  // launch runs `entry(argument)` on an lcore of the options; wait returns when that has returned.
  [[nodiscard]] bool launch(unsigned lcore, int (*entry)(void*), void* argument) noexcept;
  static void wait(unsigned lcore) noexcept;

  [[nodiscard]] const LcorePlan& plan() const noexcept { return plan_; }
  [[nodiscard]] bool huge_pages() const noexcept { return huge_pages_; }
  [[nodiscard]] static TscRate tsc_rate() noexcept;
  [[nodiscard]] static const char* version() noexcept;
  // telemetry_socket is the path under which the instance answers; empty when hidden.
  [[nodiscard]] std::string telemetry_socket() const;
  // arena allocates from huge pages of the lcore's NUMA node where there are any, else from the
  // heap.
  [[nodiscard]] Arena arena(unsigned lcore) const noexcept;

 private:
  LcorePlan plan_;
  bool started_ = false;
  bool huge_pages_ = false;
  bool announced_ = false;
};

}  // namespace sallyport::dpdk
