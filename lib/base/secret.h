// Key material: wiped when it goes away, never copied by accident, compared in constant time.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace sallyport {

// wipe zeroes `bytes`.  The barrier keeps the compiler from dropping stores it believes dead.
inline void wipe(std::span<std::uint8_t> bytes) noexcept {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  __asm__ __volatile__("" : : "r"(bytes.data()) : "memory");
}

// wipe_object zeroes a plain object, padding included.
template <class T>
inline void wipe_object(T& object) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  wipe({reinterpret_cast<std::uint8_t*>(&object), sizeof object});
}

// equal_ct compares in a time that depends on the lengths only, which are never secret here.
[[nodiscard]] inline bool equal_ct(std::span<const std::uint8_t> a,
                                   std::span<const std::uint8_t> b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  __asm__ __volatile__("" : "+r"(difference));
  return difference == 0;
}

// Secret<N> owns N bytes of key material.  It cannot be copied, moved, compared or printed; who
// needs the bytes says expose(), which is easy to search for.
template <std::size_t N>
class Secret {
 public:
  Secret() noexcept = default;
  ~Secret() { wipe(bytes_); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] std::span<const std::uint8_t, N> expose() const noexcept { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, N> expose_for_write() noexcept { return bytes_; }
  // take_over copies `from` into this secret and wipes the source.
  void take_over(Secret& from) noexcept {
    if (this == &from) return;
    std::ranges::copy(from.bytes_, bytes_.begin());
    wipe(from.bytes_);
  }
  void clear() noexcept { wipe(bytes_); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace sallyport
