// Result<T, E>: either a value or the reason why there is none.  It has no destructor, needs no
// heap and travels in registers, so the data path can return one for every frame.
//
// Member names follow std::expected, which libstdc++ 12 offers only from C++23 on.
#pragma once
#include <type_traits>

namespace sallyport {

// Err marks a return value as the error side of a Result: `return Err{Alert::decode_error};`.
template <class E>
struct Err {
  E reason;
};
template <class E>
Err(E) -> Err<E>;

// Result holds a T when error() is E{} (the zero enumerator, "no error"), else only the reason.
template <class T, class E>
class [[nodiscard]] Result {
  static_assert(std::is_trivially_copyable_v<T>, "only plain values cross the data path");
  static_assert(std::is_enum_v<E>, "an error is an enumerator whose zero means none");

 public:
  // Both conversions are implicit so that `return value;` and `return Err{why};` read naturally.
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Result(const T& value) noexcept : value_{value} {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Result(Err<E> err) noexcept : error_{err.reason} {}

  [[nodiscard]] constexpr bool has_value() const noexcept { return error_ == E{}; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] constexpr E error() const noexcept { return error_; }
  // Precondition of the accessors: has_value().
  [[nodiscard]] constexpr const T& operator*() const noexcept { return value_; }
  [[nodiscard]] constexpr const T* operator->() const noexcept { return &value_; }
  // For building a large value in the place from which it is returned.
  [[nodiscard]] constexpr T& operator*() noexcept { return value_; }

 private:
  T value_{};
  E error_{};
};

}  // namespace sallyport
