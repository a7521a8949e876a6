// Whether this machine can run the batch kernels.
#pragma once

namespace sallyport::crypto::batch {

// available is true where the processor has AVX-512 F, VL, DQ and IFMA and the operating system
// saves their registers.
[[nodiscard]] bool available() noexcept;

}  // namespace sallyport::crypto::batch
