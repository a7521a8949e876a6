#include "lib/offload/batch_provider.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/kx/groups.h"
#include "lib/offload/executor.h"
#include "lib/offload/self_test.h"
#include "tests/support/certificates.h"

namespace sallyport::offload {
namespace {

using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::openssl::Context;
using Bytes = std::vector<std::uint8_t>;

constexpr Tsc kNow{1000};
constexpr std::array kGroups{NamedGroup::x25519, NamedGroup::secp256r1};
// And those without a kernel, which pass through.
constexpr std::array kAllGroups{NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1,
                                NamedGroup::x448};

class BatchProviderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!crypto::batch::available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    batch_.emplace(context_);
    provider_ = batch_->provider();
  }
  static bool make(const Provider& provider, NamedGroup group, std::span<KeyShare> shares) {
    return provider.make_key_shares(provider.self, group, kNow, shares);
  }
  // agree gives each lane's secret; empty where it was refused.
  static std::vector<Bytes> agree(const Provider& provider, std::span<const KeyShare> ours,
                                  std::span<const KeyShare> theirs) {
    std::vector<Bytes> secrets(ours.size(), Bytes(crypto::group_info(ours[0].group).shared_len));
    std::vector<DeriveLane> lanes;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      lanes.push_back({.ours = &ours[i],
                       .peer_share = ByteView{theirs[i].public_key}.first(theirs[i].public_len),
                       .shared_secret = secrets[i]});
    }
    provider.derive(provider.self, ours[0].group, lanes);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (!lanes[i].ok) secrets[i].clear();
    }
    return secrets;
  }

  Context context_;
  Provider openssl_ = openssl_provider(context_);
  std::optional<BatchProvider> batch_;
  Provider provider_;
};

// Whatever goes to a kernel and whatever is left to OpenSSL.
TEST_F(BatchProviderTest, AgreesWithOpensslForAnyNumberOfLanes) {
  for (const NamedGroup group : kAllGroups) {
    for (std::size_t count = 1; count <= 19; ++count) {
      std::vector<KeyShare> ours(count);
      std::vector<KeyShare> theirs(count);
      ASSERT_TRUE(make(provider_, group, ours));
      ASSERT_TRUE(make(openssl_, group, theirs));
      const std::vector<Bytes> one = agree(provider_, ours, theirs);
      EXPECT_EQ(one, agree(openssl_, theirs, ours)) << count;
      for (const Bytes& secret : one) EXPECT_FALSE(secret.empty());
      std::ranges::sort(ours, {}, &KeyShare::private_key);
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(ours[i].group, group);
        EXPECT_EQ(ours[i].made, kNow);
        EXPECT_EQ(ours[i].public_len, crypto::group_info(group).public_len);
        EXPECT_EQ(ours[i].private_len, crypto::group_info(group).private_len);
        if (i == 0) continue;
        EXPECT_NE(ours[i].private_key, ours[i - 1].private_key);
      }
    }
  }
}

TEST_F(BatchProviderTest, MakesNoSharesOfUnknownGroups) {
  std::array<KeyShare, 8> shares;
  EXPECT_FALSE(make(provider_, NamedGroup{0x0019}, shares));
  EXPECT_FALSE(make(provider_, NamedGroup::none, shares));
}

TEST_F(BatchProviderTest, PassesTheSelfTest) {
  EXPECT_TRUE(passes_self_test(provider_, openssl_, context_));
  EXPECT_TRUE(passes_self_test(openssl_, openssl_, context_));
}

// Faulty is the batch provider with one thing wrong.
struct Faulty {
  Provider good;
  NamedGroup in_group = NamedGroup::none;
  std::size_t in_lane = 0;
  enum class In : std::uint8_t {
    public_key,
    secret,
    refusal,
    acceptance,
    signature,
    no_signature
  } fault{};

  Provider provider() {
    Provider p = good;
    p.self = this;
    p.make_key_shares = [](void* self, NamedGroup group, Tsc now,
                           std::span<KeyShare> shares) noexcept {
      const Faulty& f = *static_cast<Faulty*>(self);
      const bool made = f.good.make_key_shares(f.good.self, group, now, shares);
      if (f.fault == In::public_key && group == f.in_group) shares[f.in_lane].public_key[31] ^= 1;
      return made;
    };
    p.derive = [](void* self, NamedGroup group, std::span<DeriveLane> lanes) noexcept {
      const Faulty& f = *static_cast<Faulty*>(self);
      f.good.derive(f.good.self, group, lanes);
      if (group != f.in_group || f.in_lane >= lanes.size()) return;
      DeriveLane& lane = lanes[f.in_lane];
      if (f.fault == In::secret) lane.shared_secret[7] ^= 0x10;
      if (f.fault == In::refusal) lane.ok = false;
      // Only a refused share can show it.
      if (f.fault == In::acceptance) {
        for (DeriveLane& any : lanes) any.ok = true;
      }
    };
    p.sign = [](void* self, crypto::SignatureScheme scheme, std::span<SignLane> lanes) noexcept {
      const Faulty& f = *static_cast<Faulty*>(self);
      f.good.sign(f.good.self, scheme, lanes);
      if (f.in_lane >= lanes.size()) return;
      SignLane& lane = lanes[f.in_lane];
      if (f.fault == In::signature) lane.signature[lane.signature_len - 1U] ^= 1;
      if (f.fault == In::no_signature) lane.signature_len = 0;
    };
    return p;
  }
};

TEST_F(BatchProviderTest, FailsTheSelfTestWithAnyFaultInAnyLane) {
  for (const NamedGroup group : kGroups) {
    for (const auto in : {Faulty::In::public_key, Faulty::In::secret, Faulty::In::refusal,
                          Faulty::In::acceptance}) {
      for (std::size_t lane = 0; lane < 8; ++lane) {
        Faulty faulty{.good = provider_, .in_group = group, .in_lane = lane, .fault = in};
        EXPECT_FALSE(passes_self_test(faulty.provider(), openssl_, context_))
            << "fault " << static_cast<int>(in) << " in lane " << lane;
      }
    }
  }
}

TEST_F(BatchProviderTest, FailsTheSelfTestWithABadSignatureInAnyLane) {
  for (const auto fault : {Faulty::In::signature, Faulty::In::no_signature}) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      Faulty faulty{.good = provider_, .in_lane = lane, .fault = fault};
      EXPECT_FALSE(passes_self_test(faulty.provider(), openssl_, context_)) << "lane " << lane;
    }
  }
}

using crypto::batch::RsaLane;
using RsaKernel = crypto::batch::Rsa;

TEST_F(BatchProviderTest, PassesTheSelfTestOfRsa) {
  EXPECT_TRUE(passes_rsa_self_test(
      context_, [](RsaKernel& kernel, std::span<RsaLane> lanes) { kernel.run(lanes); }));
}

TEST_F(BatchProviderTest, FailsTheSelfTestOfRsaWithAnyFaultInAnyLane) {
  static std::size_t in_lane = 0;
  static constexpr std::array<RsaRun, 4> kFaults{
      [](RsaKernel& kernel, std::span<RsaLane> lanes) {
        kernel.run(lanes);
        if (in_lane < lanes.size()) lanes[in_lane].output[100] ^= 1;
      },
      [](RsaKernel& kernel, std::span<RsaLane> lanes) {
        kernel.run(lanes);
        if (in_lane < lanes.size()) lanes[in_lane].ok = false;
      },
      // A refused lane that keeps something.
      [](RsaKernel& kernel, std::span<RsaLane> lanes) {
        kernel.run(lanes);
        for (RsaLane& lane : lanes) {
          if (!lane.ok) lane.output[in_lane] = 1;
        }
      },
      // One that is not refused.
      [](RsaKernel& kernel, std::span<RsaLane> lanes) {
        kernel.run(lanes);
        for (RsaLane& lane : lanes) lane.ok = true;
      },
  };
  for (std::size_t fault = 0; fault < kFaults.size(); ++fault) {
    for (in_lane = 0; in_lane < 8; ++in_lane) {
      EXPECT_FALSE(passes_rsa_self_test(context_, kFaults[fault]))
          << "fault " << fault << " in lane " << in_lane;
    }
  }
}

// Keys of several kinds in one call, as many as there may be.
TEST_F(BatchProviderTest, SignsAnyNumberOfLanesWithTheirOwnKeys) {
  constexpr auto kEcdsa = crypto::SignatureScheme::ecdsa_secp256r1_sha256;
  std::vector<crypto::openssl::Signer> keys;
  for (int i = 0; i < 19; ++i) {
    const auto key = i == 5 ? testing::make_rsa_key(2048) : testing::make_ec_key();
    keys.emplace_back(context_, crypto::openssl::PrivateKey::sharing(key.get()));
  }
  for (std::size_t count = 1; count <= keys.size(); ++count) {
    std::vector<Bytes> messages;
    std::vector<Bytes> signatures(count, Bytes(crypto::kMaxSignature));
    std::vector<SignLane> lanes;
    for (std::size_t i = 0; i < count; ++i) {
      messages.emplace_back(130, static_cast<std::uint8_t>(17 * i + count));
    }
    for (std::size_t i = 0; i < count; ++i) {
      lanes.push_back({.signer = &keys[i], .message = messages[i], .signature = signatures[i]});
    }
    provider_.sign(provider_.self, kEcdsa, lanes);
    for (std::size_t i = 0; i < count; ++i) {
      const ByteView signature = ByteView{signatures[i]}.first(lanes[i].signature_len);
      EXPECT_EQ(keys[i].verifies_p256(messages[i], signature), i != 5) << i << " of " << count;
      EXPECT_EQ(signature.empty(), i == 5) << "an RSA key has no such scheme";
    }
  }
}

TEST(Computing, IsByBatchWhereTheProcessorCan) {
  EXPECT_EQ(Executor{}.computing(),
            crypto::batch::available() ? Computing::batch : Computing::openssl_for_cpu);
  EXPECT_EQ(Executor{Executor::Options{.kernels = Kernels::never}}.computing(),
            Computing::openssl_by_choice);
}

}  // namespace
}  // namespace sallyport::offload
