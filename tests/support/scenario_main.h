// The command line of scenario tests that run many seeds.  What a failure prints repeats it:
//
//   --seed=N         only this one
//   --seeds=N        that many, from 1 on
//   --pcap=PATH      every frame, for Wireshark; also SALLYPORT_PCAP in the environment
//   --regenerate     write what is generated instead of comparing it
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/pcap.h"

namespace sallyport::testing {

struct RunOptions {
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> seeds;
  std::string pcap;
  bool regenerate = false;
  std::string program;

  // writer writes to where the command line, or else the environment, says.
  [[nodiscard]] PcapWriter writer() const;
  // repeat is the command line that runs one seed of the current test again, with a capture.
  [[nodiscard]] std::string repeat(std::uint64_t failed_seed) const;
};

// run_options is what main() was given.
[[nodiscard]] const RunOptions& run_options();

}  // namespace sallyport::testing
