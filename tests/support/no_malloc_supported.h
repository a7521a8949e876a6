// kNoMallocSupported: whether tests/support/no_malloc.cc is more than an empty file in this build.
#pragma once

namespace sallyport {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kNoMallocSupported = false;
#else
constexpr bool kNoMallocSupported = true;
#endif

}  // namespace sallyport
