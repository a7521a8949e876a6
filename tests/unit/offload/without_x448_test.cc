// A libcrypto that was built without X448, as far as we can tell: what asks it for the curve gets
// nothing.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <string_view>

#include "lib/crypto/openssl/context.h"
#include "lib/offload/executor.h"

// Our libraries are linked into this program, so they call this function instead of libcrypto's.
extern "C" EVP_PKEY_CTX* EVP_PKEY_CTX_new_from_name(OSSL_LIB_CTX* library, const char* name,
                                                    const char* properties) {
  using Function = EVP_PKEY_CTX* (*)(OSSL_LIB_CTX*, const char*, const char*);
  static const auto of_libcrypto =
      reinterpret_cast<Function>(dlsym(RTLD_NEXT, "EVP_PKEY_CTX_new_from_name"));
  if (std::string_view{name} == "X448") return nullptr;
  return of_libcrypto(library, name, properties);
}

namespace sallyport::offload {
namespace {

using crypto::NamedGroup;

TEST(WithoutX448, TheGroupIsMissing) {
  const crypto::openssl::Context context;
  ASSERT_EQ(context.missing_groups().size(), 1U);
  EXPECT_EQ(context.missing_groups()[0], NamedGroup::x448);
}

TEST(WithoutX448, ItsJobsFailAndTheOthersDoNot) {
  Executor executor;
  const auto run = [&](crypto::CryptoJob& job) {
    const std::array jobs{&job};
    executor.run(jobs, Tsc{1});
    return job.status;
  };
  for (const NamedGroup group :
       {NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::x448}) {
    const bool is_missing = group == NamedGroup::x448;
    crypto::CryptoJob make;
    make.kind = crypto::JobKind::make_key_shares;
    make.group = group;
    make.num_key_shares = 1;
    EXPECT_EQ(run(make) == crypto::JobStatus::ok, !is_missing);
    crypto::CryptoJob derive;
    derive.kind = crypto::JobKind::tls12_derive;
    derive.group = group;
    derive.ephemeral = make.key_shares[0];
    derive.ephemeral.group = group;
    derive.peer_share = make.key_shares[0].public_key;
    derive.peer_share_len = make.key_shares[0].public_len;
    EXPECT_EQ(run(derive) == crypto::JobStatus::ok, !is_missing);
  }
}

}  // namespace
}  // namespace sallyport::offload
