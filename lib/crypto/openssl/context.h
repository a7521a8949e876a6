// Context: one library context of OpenSSL with everything in it fetched once.  One per executor, so
// that executors on different lcores share no locks and no reference counts.
//
// OpenSSL allocates in most of its calls: everything in lib/crypto/openssl runs outside
// Worker::process.
#pragma once
#include <memory>
#include <span>

#include "lib/crypto/algorithms.h"

struct ossl_lib_ctx_st;

namespace sallyport::crypto::openssl {

class Context {
 public:
  // Failure aborts: it means an OpenSSL without its default provider.
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // missing_groups are those that this libcrypto was built without: X448, or none.
  [[nodiscard]] std::span<const NamedGroup> missing_groups() const noexcept;

  struct Parts;  // defined in parts.h, for lib/crypto/openssl alone
  [[nodiscard]] Parts& parts() const noexcept { return *parts_; }
  [[nodiscard]] ossl_lib_ctx_st* native() const noexcept;

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace sallyport::crypto::openssl
