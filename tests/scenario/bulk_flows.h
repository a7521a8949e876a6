// BulkFlows: connections of ours that send without end through one bottleneck, in virtual time.
// Each has its own pair of endpoints; all share the two links of a path, as hosts behind one router
// do.  Every byte that arrives is compared with the one that was sent.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/units.h"
#include "lib/tcp/time.h"
#include "tests/support/link.h"
#include "tests/support/pcap.h"
#include "tests/support/tcp_endpoint.h"

namespace sallyport::testing {

struct BulkFlow {
  tcp::CongestionAlgorithm congestion = tcp::CongestionAlgorithm::cubic;
  Nanos start{0};
  bool sack = true;
};

struct BulkOptions {
  std::uint64_t seed = 1;
  LinkOptions forward{};  // where the data goes
  LinkOptions back{};     // ... and the ACKs
  std::vector<BulkFlow> flows;
  std::uint64_t milestone = 0;  // bytes: see milestone_at()
};

// BulkAccount is in bytes of text.  The links must not duplicate: whatever arrives twice was then
// sent once too often.
struct BulkAccount {
  std::uint64_t delivered = 0;  // in order, to the application
  std::uint64_t sent = 0;
  std::uint64_t repeated = 0;  // of `sent`
  std::uint64_t spurious = 0;  // arrived although they were there already
  std::uint64_t timeouts = 0;  // RTO, not bytes

  friend BulkAccount operator-(BulkAccount a, const BulkAccount& b) {
    a.delivered -= b.delivered;
    a.sent -= b.sent;
    a.repeated -= b.repeated;
    a.spurious -= b.spurious;
    a.timeouts -= b.timeouts;
    return a;
  }
  BulkAccount& operator+=(const BulkAccount& b) {
    delivered += b.delivered;
    sent += b.sent;
    repeated += b.repeated;
    spurious += b.spurious;
    timeouts += b.timeouts;
    return *this;
  }
};

class BulkFlows {
 public:
  explicit BulkFlows(const BulkOptions& options);
  BulkFlows(const BulkFlows&) = delete;
  BulkFlows& operator=(const BulkFlows&) = delete;

  void set_pcap(PcapWriter pcap) { pcap_ = std::move(pcap); }
  // run_until ends early at a violation.
  void run_until(Nanos time);

  [[nodiscard]] BulkAccount account(std::size_t flow) const;
  // milestone_at is when the first `milestone` bytes of a flow had arrived; nothing: not yet.
  [[nodiscard]] std::optional<Nanos> milestone_at(std::size_t flow) const {
    return flows_[flow]->milestone_at;
  }
  [[nodiscard]] const TcpEndpoint& sender(std::size_t flow) const { return flows_[flow]->sender; }
  [[nodiscard]] const Link& bottleneck() const { return forward_; }
  // violation is the first thing that went wrong in any of them; empty: nothing.
  [[nodiscard]] std::string violation() const;

 private:
  struct Flow {
    Flow(BulkFlows& network, std::size_t index, const BulkFlow& options);
    BulkFlow options;
    TcpEndpoint sender;
    TcpEndpoint receiver;
    std::uint64_t num_written = 0;
    std::uint64_t num_read = 0;
    std::uint64_t text_arrived = 0;
    std::optional<Nanos> milestone_at;
    bool opened = false;
    bool garbled = false;
  };
  [[nodiscard]] tcp::Instant instant() const;
  [[nodiscard]] Nanos time_of(tcp::Instant t) const;
  [[nodiscard]] std::optional<Nanos> next_event() const;
  void put_on_link(Link& link, Bytes frame);
  void deliver(Link& link);
  void begin(Flow& flow);
  void pump_sender(Flow& flow);
  void pump_receiver(Flow& flow);

  Link forward_;
  Link back_;
  std::vector<std::unique_ptr<Flow>> flows_;
  PcapWriter pcap_;
  Nanos now_{0};
  std::uint64_t milestone_;
};

}  // namespace sallyport::testing
