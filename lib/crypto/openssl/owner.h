// Owners of OpenSSL's objects: Free adapts one of its free functions to std::unique_ptr.  Shared by
// lib/crypto/openssl and lib/x509.
#pragma once
#include <openssl/evp.h>

#include <memory>

namespace sallyport::crypto::openssl {

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    function(object);
  }
};

using Pkey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using MdContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

}  // namespace sallyport::crypto::openssl
