// What docs/throughput.md shows: bulk transfers over every path of a grid, and connections that
// share a bottleneck.  All figures are integers, and one seed is one run, so the text is the same
// with every compiler.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/tcp/congestion.h"
#include "tests/scenario/bulk_flows.h"

namespace sallyport::testing {

using tcp::CongestionAlgorithm;

// The bottleneck of all paths.  A frame of 1,514 bytes carries 1,448 of text.
inline constexpr std::uint64_t kBottleneck = 50'000'000;                            // bit/s
inline constexpr std::uint64_t kLargestGoodput = kBottleneck / 1000 * 1448 / 1514;  // kbit/s
inline constexpr std::array<int, 5> kRoundTrips{1, 10, 50, 100, 200};               // ms
inline constexpr std::array kAlgorithms{CongestionAlgorithm::new_reno, CongestionAlgorithm::cubic};

// Harm is what the path does beside delaying and queueing: a row of the tables.
enum class Harm : std::uint8_t {
  none,
  loss_100_ppm,
  loss_1000_ppm,
  loss_1_percent,
  loss_3_percent,
  bursts,
  lost_acks,
  short_queue,
  late_a_little,
  late_a_lot,
};
inline constexpr std::array kHarms{Harm::none,           Harm::loss_100_ppm,   Harm::loss_1000_ppm,
                                   Harm::loss_1_percent, Harm::loss_3_percent, Harm::bursts,
                                   Harm::lost_acks,      Harm::short_queue,    Harm::late_a_little,
                                   Harm::late_a_lot};
[[nodiscard]] const char* name_of(Harm harm);

// Cell is one path and one algorithm: medians of its seeds.
struct Cell {
  std::uint64_t goodput = 0;       // kbit/s of text, after the start
  std::uint64_t milliseconds = 0;  // until the first million bytes had arrived
  BulkAccount account;             // after the start, all seeds together
  std::string violation;
};

// SharedCell: two connections on one bottleneck; the second comes when the first has filled it.
struct SharedCell {
  std::array<CongestionAlgorithm, 2> algorithms{};
  int rtt_ms = 0;
  std::array<std::uint64_t, 2> goodput{};  // kbit/s
  std::string violation;
  // jain is Jain's index of fairness in thousandths: 1000 is equal, 500 is all for one.
  [[nodiscard]] std::uint64_t jain() const;
};
inline constexpr std::array kSharedRoundTrips{10, 50, 100};  // ms
inline constexpr std::array<std::array<CongestionAlgorithm, 2>, 4> kPairs{
    {{CongestionAlgorithm::new_reno, CongestionAlgorithm::new_reno},
     {CongestionAlgorithm::cubic, CongestionAlgorithm::cubic},
     {CongestionAlgorithm::new_reno, CongestionAlgorithm::cubic},
     {CongestionAlgorithm::cubic, CongestionAlgorithm::new_reno}}};

// Table is a block of Markdown with a name, as it stands between two markers of the document.
struct Table {
  std::string name;
  std::vector<std::string> lines;
};
// Grid holds the cells that were measured, in the order of `harms`, then round trips, algorithms.
struct Grid {
  std::vector<Harm> harms;
  std::vector<Cell> cells;
  [[nodiscard]] const Cell& at(Harm harm, int rtt_ms, CongestionAlgorithm algorithm) const;
};
[[nodiscard]] Grid measure_grid(const std::vector<Harm>& harms);
[[nodiscard]] std::vector<Table> tables_of(const Grid& grid);

struct SharedGrid {
  std::vector<SharedCell> cells;
  [[nodiscard]] const SharedCell& at(std::array<CongestionAlgorithm, 2> algorithms,
                                     int rtt_ms) const;
};
[[nodiscard]] SharedGrid measure_shares();
[[nodiscard]] Table table_of(const SharedGrid& grid);

}  // namespace sallyport::testing
