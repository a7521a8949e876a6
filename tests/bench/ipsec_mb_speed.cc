#include "tests/bench/ipsec_mb_speed.h"

#include <intel-ipsec-mb.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/bench/metric.h"

namespace sallyport::bench {

double ipsec_mb_speed() {
  constexpr std::size_t kRecord = 1'350;
  IMB_MGR* table = alloc_mb_mgr(0);
  init_mb_mgr_auto(table, nullptr);
  gcm_key_data key;
  const std::array<std::uint8_t, 16> raw{};
  IMB_AES128_GCM_PRE(table, raw.data(), &key);
  std::array<std::uint8_t, 12> iv{};
  const std::array<std::uint8_t, 5> aad{};
  std::array<std::uint8_t, 16> tag{};
  std::array<std::uint8_t, kRecord> in{};
  std::array<std::uint8_t, kRecord> out{};
  constexpr int kRecords = 20'000;
  const std::uint64_t begin = ticks();
  for (int i = 0; i < kRecords; ++i) {
    gcm_context_data context;
    IMB_AES128_GCM_ENC(table, &key, &context, out.data(), in.data(), kRecord, iv.data(), aad.data(),
                       aad.size(), tag.data(), tag.size());
  }
  const auto spent = static_cast<double>(ticks() - begin);
  free_mb_mgr(table);
  return kRecords * static_cast<double>(kRecord) / spent;
}

}  // namespace sallyport::bench
