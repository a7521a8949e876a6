// Names of certificates' holders as text (RFC 2253, RFC 4514).
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace sallyport::wire {

// common_name takes the value of the first "CN" of `name`, without its escapes (RFC 4514 section 3)
// and thus in UTF-8, to the front of `out`.  It returns its length; 0 when there is none, when it
// is not written as a string, contains a control character, or is longer than `out`.
[[nodiscard]] std::size_t common_name(std::string_view name, std::span<char> out) noexcept;

}  // namespace sallyport::wire
