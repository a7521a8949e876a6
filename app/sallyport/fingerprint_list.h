// FingerprintList: the fingerprints that one worker has counted, copied by its lcore when another
// thread asks.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "app/sallyport/request_gate.h"
#include "lib/admin/reports.h"
#include "lib/worker/worker.h"

namespace sallyport {

class FingerprintList {
 public:
  // The places of a worker's table.
  static constexpr std::size_t kMaxRows = 256;

  // --- the lcore ---------------------------------------------------------------------------------
  void answer(const worker::Worker& worker) noexcept {
    gate_.answer([&] { copy(worker); });
  }

  // --- one other thread at a time ----------------------------------------------------------------
  void request() noexcept { gate_.request(); }
  [[nodiscard]] bool ready() const noexcept { return gate_.ready(); }
  // merge makes one list of those that are ready, the most frequent first.  What a worker may have
  // forgotten of a fingerprint counts as if it had seen it.
  [[nodiscard]] static admin::FingerprintsReport merge(std::span<const FingerprintList* const> of);

 private:
  struct Row {
    std::uint64_t count = 0;
    std::uint64_t error = 0;
    worker::ClientCount client;
  };
  void copy(const worker::Worker& worker) noexcept;

  RequestGate gate_;
  std::uint64_t total_ = 0;
  std::uint64_t most_missed_ = 0;
  std::size_t num_rows_ = 0;
  std::array<Row, kMaxRows> rows_{};
};

}  // namespace sallyport
