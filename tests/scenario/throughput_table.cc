#include "tests/scenario/throughput_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace sallyport::testing {
namespace {

constexpr std::size_t kSeeds = 3;  // where single losses decide; one where there are many events
constexpr std::size_t kFrame = 1'514;
constexpr std::uint64_t kFirstBytes = 1'000'000;

std::size_t bandwidth_delay_product(int rtt_ms) {
  return static_cast<std::size_t>(kBottleneck / 8'000) * static_cast<std::size_t>(rtt_ms);
}

BulkOptions path(Harm harm, int rtt_ms) {
  BulkOptions o;
  const Nanos one_way = microseconds{rtt_ms * 500};
  const std::size_t bdp = bandwidth_delay_product(rtt_ms);
  o.forward = {.rate = kBottleneck, .delay = one_way, .queue = std::max(20 * kFrame, bdp)};
  o.back = {.delay = one_way};
  o.milestone = kFirstBytes;
  switch (harm) {
    case Harm::none:
      break;
    case Harm::loss_100_ppm:
      o.forward.loss = 0.0001;
      break;
    case Harm::loss_1000_ppm:
      o.forward.loss = 0.001;
      break;
    case Harm::loss_1_percent:
      o.forward.loss = 0.01;
      break;
    case Harm::loss_3_percent:
      o.forward.loss = 0.03;
      break;
    case Harm::bursts:
      o.forward.burst = {.begin = 0.0005, .end = 0.25, .loss = 1};
      break;
    case Harm::lost_acks:
      o.back.loss = 0.1;
      break;
    case Harm::short_queue:
      o.forward.queue = std::max(10 * kFrame, bdp / 8);
      break;
    case Harm::late_a_little:
      o.forward.reordering = 0.02;
      o.forward.reordering_delay = microseconds{rtt_ms * 125};
      break;
    case Harm::late_a_lot:
      o.forward.reordering = 0.02;
      o.forward.reordering_delay = milliseconds{rtt_ms};
      break;
  }
  return o;
}

std::size_t seeds_of(Harm harm) {
  switch (harm) {
    case Harm::loss_100_ppm:
    case Harm::loss_1000_ppm:
    case Harm::loss_1_percent:
    case Harm::loss_3_percent:
    case Harm::bursts:
      return kSeeds;
    case Harm::none:
    case Harm::lost_acks:
    case Harm::short_queue:
    case Harm::late_a_little:
    case Harm::late_a_lot:
      return 1;
  }
  return 1;
}

// The slower a path, the longer it takes to say something about it, and the less it costs.
Nanos time_to_start(int rtt_ms) { return seconds{1} + milliseconds{40 * rtt_ms}; }
Nanos time_to_measure(Harm harm, int rtt_ms) {
  const bool is_slow = harm == Harm::loss_1_percent || harm == Harm::loss_3_percent;
  return (seconds{10} + milliseconds{100 * rtt_ms}) * (is_slow ? 4 : 1);
}

std::uint64_t kbits_per_second(std::uint64_t bytes, Nanos time) {
  return bytes * 8'000 / static_cast<std::uint64_t>(time.count() / 1'000);
}

std::uint64_t median(std::array<std::uint64_t, kSeeds> of, std::size_t count) {
  std::sort(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(count));
  return of[count / 2];
}

Cell measure(Harm harm, int rtt_ms, CongestionAlgorithm algorithm) {
  Cell cell;
  const std::size_t seeds = seeds_of(harm);
  std::array<std::uint64_t, kSeeds> goodputs{};
  std::array<std::uint64_t, kSeeds> starts{};
  const Nanos begin = time_to_start(rtt_ms);
  const Nanos time = time_to_measure(harm, rtt_ms);
  for (std::size_t i = 0; i < seeds; ++i) {
    BulkOptions options = path(harm, rtt_ms);
    options.seed = i + 1;
    options.flows = {{.congestion = algorithm}};
    BulkFlows network{options};
    network.run_until(begin);
    const BulkAccount before = network.account(0);
    network.run_until(begin + time);
    const BulkAccount account = network.account(0) - before;
    goodputs[i] = kbits_per_second(account.delivered, time);
    const Nanos first = network.milestone_at(0).value_or(begin + time);
    starts[i] = static_cast<std::uint64_t>(first.count() / 1'000'000);
    cell.account += account;
    if (cell.violation.empty()) cell.violation = network.violation();
  }
  cell.goodput = median(goodputs, seeds);
  cell.milliseconds = median(starts, seeds);
  return cell;
}

SharedCell share(std::array<CongestionAlgorithm, 2> algorithms, int rtt_ms) {
  const Nanos begin = time_to_start(rtt_ms) + seconds{5};
  const Nanos time = seconds{20} + milliseconds{300 * rtt_ms};
  BulkOptions options = path(Harm::none, rtt_ms);
  // The second one comes when the first has filled the bottleneck.
  options.flows = {{.congestion = algorithms[0]},
                   {.congestion = algorithms[1], .start = seconds{2}}};
  BulkFlows network{options};
  network.run_until(begin);
  const std::array before{network.account(0), network.account(1)};
  network.run_until(begin + time);
  SharedCell cell{
      .algorithms = algorithms, .rtt_ms = rtt_ms, .goodput = {}, .violation = network.violation()};
  for (std::size_t flow = 0; flow < 2; ++flow) {
    cell.goodput[flow] = kbits_per_second((network.account(flow) - before[flow]).delivered, time);
  }
  return cell;
}

const char* name_of(CongestionAlgorithm algorithm) {
  return algorithm == CongestionAlgorithm::cubic ? "CUBIC" : "NewReno";
}

// fixed writes `value`, counted in 10^-places, as a decimal number.
std::string fixed(std::uint64_t value, unsigned places) {
  std::uint64_t unit = 1;
  for (unsigned i = 0; i < places; ++i) unit *= 10;
  std::string fraction = std::to_string(value % unit);
  fraction.insert(0, places - fraction.size(), '0');
  return std::to_string(value / unit) + "." + fraction;
}

// share_of is `part` of `whole` in units of 10^-places percent, rounded to nearest.
std::string percent(std::uint64_t part, std::uint64_t whole, unsigned places) {
  if (whole == 0) return "-";
  std::uint64_t unit = 100;
  for (unsigned i = 0; i < places; ++i) unit *= 10;
  return fixed((part * unit + whole / 2) / whole, places);
}

std::string goodput_of(const Cell& c) { return fixed((c.goodput + 5) / 10, 2); }
std::string start_of(const Cell& c) { return fixed((c.milliseconds + 5) / 10, 2); }
std::string repeated_of(const Cell& c) { return percent(c.account.repeated, c.account.sent, 2); }
std::string spurious_of(const Cell& c) {
  return percent(c.account.spurious, c.account.repeated, 1);
}

Table table_of(std::string name, const Grid& grid, std::string (*text_of)(const Cell&)) {
  Table table{std::move(name), {}};
  std::string head = "| path |";
  std::string rule = "|---|";
  for (const int rtt : kRoundTrips) {
    head += " " + std::to_string(rtt) + " ms |";
    rule += "---|";
  }
  table.lines = {head, rule};
  for (const Harm harm : grid.harms) {
    std::string line = std::string{"| "} + testing::name_of(harm) + " |";
    for (const int rtt : kRoundTrips) {
      line += " ";
      for (const CongestionAlgorithm algorithm : kAlgorithms) {
        if (algorithm != kAlgorithms.front()) line += " / ";
        line += text_of(grid.at(harm, rtt, algorithm));
      }
      line += " |";
    }
    table.lines.push_back(line);
  }
  return table;
}

}  // namespace

const char* name_of(Harm harm) {
  switch (harm) {
    case Harm::none:
      return "no harm";
    case Harm::loss_100_ppm:
      return "loss 0.01 %";
    case Harm::loss_1000_ppm:
      return "loss 0.1 %";
    case Harm::loss_1_percent:
      return "loss 1 %";
    case Harm::loss_3_percent:
      return "loss 3 %";
    case Harm::bursts:
      return "bursts of losses";
    case Harm::lost_acks:
      return "10 % of ACKs lost";
    case Harm::short_queue:
      return "short queue";
    case Harm::late_a_little:
      return "late by up to RTT / 8";
    case Harm::late_a_lot:
      return "late by up to RTT";
  }
  return "";
}

std::uint64_t SharedCell::jain() const {
  const std::uint64_t sum = goodput[0] + goodput[1];
  const std::uint64_t squares = goodput[0] * goodput[0] + goodput[1] * goodput[1];
  return squares == 0 ? 0 : (sum * sum * 1'000 / 2 + squares / 2) / squares;
}

const Cell& Grid::at(Harm harm, int rtt_ms, CongestionAlgorithm algorithm) const {
  const auto index = [](const auto& of, auto what) {
    return static_cast<std::size_t>(std::ranges::find(of, what) - of.begin());
  };
  return cells[(index(harms, harm) * kRoundTrips.size() + index(kRoundTrips, rtt_ms)) *
                   kAlgorithms.size() +
               index(kAlgorithms, algorithm)];
}

Grid measure_grid(const std::vector<Harm>& harms) {
  Grid grid{harms, {}};
  for (const Harm harm : harms) {
    for (const int rtt : kRoundTrips) {
      for (const CongestionAlgorithm algorithm : kAlgorithms) {
        grid.cells.push_back(measure(harm, rtt, algorithm));
      }
    }
  }
  return grid;
}

const SharedCell& SharedGrid::at(std::array<CongestionAlgorithm, 2> algorithms, int rtt_ms) const {
  return *std::ranges::find_if(
      cells, [&](const SharedCell& c) { return c.algorithms == algorithms && c.rtt_ms == rtt_ms; });
}

SharedGrid measure_shares() {
  SharedGrid grid;
  for (const auto& algorithms : kPairs) {
    for (const int rtt : kSharedRoundTrips) grid.cells.push_back(share(algorithms, rtt));
  }
  return grid;
}

Table table_of(const SharedGrid& grid) {
  Table table{"shares", {"| first, second |", "|---|"}};
  for (const int rtt : kSharedRoundTrips) {
    table.lines[0] += " " + std::to_string(rtt) + " ms |";
    table.lines[1] += "---|";
  }
  for (const auto& algorithms : kPairs) {
    std::string line =
        std::string{"| "} + name_of(algorithms[0]) + ", " + name_of(algorithms[1]) + " |";
    for (const int rtt : kSharedRoundTrips) {
      const SharedCell& c = grid.at(algorithms, rtt);
      line += " " + fixed((c.goodput[0] + 5) / 10, 2) + " / " + fixed((c.goodput[1] + 5) / 10, 2) +
              " (" + fixed((c.jain() + 5) / 10, 2) + ") |";
    }
    table.lines.push_back(line);
  }
  return table;
}

std::vector<Table> tables_of(const Grid& grid) {
  return {table_of("goodput", grid, goodput_of), table_of("start", grid, start_of),
          table_of("repeated", grid, repeated_of), table_of("spurious", grid, spurious_of)};
}

}  // namespace sallyport::testing
