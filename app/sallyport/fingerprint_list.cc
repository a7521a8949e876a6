#include "app/sallyport/fingerprint_list.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "app/sallyport/hex_text.h"

namespace sallyport {

void FingerprintList::copy(const worker::Worker& worker) noexcept {
  const auto& table = worker.fingerprints();
  total_ = table.total();
  most_missed_ = table.most_missed();
  num_rows_ = std::min(kMaxRows, table.size());
  for (std::size_t i = 0; i < num_rows_; ++i) {
    const auto row = table.row(i);
    rows_[i] = {row.count, row.error, row.value};
  }
}

admin::FingerprintsReport FingerprintList::merge(std::span<const FingerprintList* const> of) {
  admin::FingerprintsReport report;
  std::map<std::string, admin::FingerprintReport, std::less<>> by_ja4;
  std::uint64_t missed_by_all = 0;
  for (const FingerprintList* list : of) {
    report.total += list->total_;
    missed_by_all += list->most_missed_;
  }
  for (const FingerprintList* list : of) {
    for (const Row& row : std::span{list->rows_}.first(list->num_rows_)) {
      const tls::ClientFingerprint& fingerprint = row.client.fingerprint;
      auto [found, is_new] = by_ja4.try_emplace(std::string{fingerprint.ja4()});
      admin::FingerprintReport& merged = found->second;
      if (is_new) merged.count = merged.error = missed_by_all;
      merged.ja4 = fingerprint.ja4();
      merged.ja3 = hex_text(fingerprint.ja3);
      merged.server_name = row.client.server_name();
      // This worker has not missed it.
      merged.count += row.count - list->most_missed_;
      merged.error -= list->most_missed_ - row.error;  // which only grows after it was taken
    }
  }
  for (auto& [ja4, merged] : by_ja4) report.list.push_back(std::move(merged));
  std::ranges::stable_sort(report.list, std::ranges::greater{}, &admin::FingerprintReport::count);
  return report;
}

}  // namespace sallyport
