// Searches all memory of this process for secrets that should be gone.  What is searched for is
// kept masked, or it would find itself.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/crypto/kx/ffdhe.h"
#include "tests/support/tls_driver.h"

namespace sallyport::testing {

inline constexpr std::uint8_t kMask = 0xa5;

// toggle_mask puts the mask on, or takes it off.
inline void toggle_mask(MutableBytes bytes) {
  for (std::uint8_t& byte : bytes) byte ^= kMask;
}

// Masked is a secret that does not look like itself.
class Masked {
 public:
  explicit Masked(ByteView secret) {
    for (const std::uint8_t byte : secret) bytes_.push_back(byte ^ kMask);
  }
  // already takes bytes that are masked.
  [[nodiscard]] static Masked already(std::vector<std::uint8_t> bytes) {
    Masked masked{{}};
    masked.bytes_ = std::move(bytes);
    return masked;
  }
  // is_at: the secret lies at `memory`, which is at least as long.
  [[nodiscard]] bool is_at(const std::uint8_t* memory) const {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if ((memory[i] ^ bytes_[i]) != kMask) return false;
    }
    return true;
  }
  [[nodiscard]] int first() const { return bytes_[0] ^ kMask; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::uint8_t> bytes_;
};

struct Region {
  const std::uint8_t* begin;
  const std::uint8_t* end;
};

// writable_memory is all that this process may have left something in.
[[nodiscard]] inline std::vector<Region> writable_memory() {
  std::vector<Region> regions;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" rw-p ") == std::string::npos) continue;
    char* rest = nullptr;
    const auto begin = std::strtoull(line.c_str(), &rest, 16);
    const auto end = std::strtoull(rest + 1, nullptr, 16);
    regions.push_back(
        {reinterpret_cast<const std::uint8_t*>(begin), reinterpret_cast<const std::uint8_t*>(end)});
  }
  return regions;
}

[[nodiscard]] inline int copies_of(const Masked& secret) {
  int copies = 0;
  for (const Region& region : writable_memory()) {
    const std::uint8_t* at = region.begin;
    while (static_cast<std::size_t>(region.end - at) >= secret.size()) {
      const auto* const found = static_cast<const std::uint8_t*>(std::memchr(
          at, secret.first(), static_cast<std::size_t>(region.end - at) - secret.size() + 1));
      if (found == nullptr) break;
      if (secret.is_at(found)) ++copies;
      at = found + 1;
    }
  }
  return copies;
}

using Secrets = std::multimap<std::string, Masked>;

// secrets_in reads a key log: label, client random, secret.
[[nodiscard]] inline Secrets secrets_in(const std::string& path) {
  Secrets secrets;
  std::ifstream in{path};
  for (std::string label, random, hex; in >> label >> random >> hex;) {
    std::vector<std::uint8_t> masked;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      const auto byte = std::strtoul(hex.substr(i, 2).c_str(), nullptr, 16);
      masked.push_back(static_cast<std::uint8_t>(byte ^ kMask));
    }
    secrets.emplace(label, Masked::already(std::move(masked)));
  }
  return secrets;
}

// ObservedJobs notes what comes out of key exchanges that `jobs` makes.
class ObservedJobs : public JobRunner {
 public:
  explicit ObservedJobs(JobRunner& jobs) : jobs_{jobs} {}
  crypto::KeyShare make_key_share(crypto::NamedGroup group) override {
    crypto::KeyShare share = jobs_.make_key_share(group);
    seen.emplace("ephemeral private key", ByteView{share.private_key}.first(share.private_len));
    return share;
  }
  void run(crypto::CryptoJob& job) override {
    jobs_.run(job);
    if (job.shared_secret_len != 0) {
      seen.emplace("shared secret", ByteView{job.shared_secret}.first(job.shared_secret_len));
    }
    if (!crypto::is_finite_field(job.group)) return;
    if (job.kind == crypto::JobKind::tls12_derive) {
      seen.emplace("shared secret", ByteView{job.wide}.first(job.wide_len));
    } else {
      seen.emplace("ephemeral private key",
                   ByteView{job.ephemeral.private_key}.first(job.ephemeral.private_len));
    }
  }
  void verify(crypto::VerifyJob& job) override { jobs_.verify(job); }
  Secrets seen;

 private:
  JobRunner& jobs_;
};

}  // namespace sallyport::testing
