// nearest: what somebody meant who misspelled a word.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace sallyport {

// edit_distance counts the slips that make one word of the other: a letter inserted, removed or
// replaced, or two neighbours swapped.  Its time grows with the product of the lengths.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// nearest is the known word that differs least from `word`: by less than three slips, and not in
// all of its letters.  Empty when there is none, or when `word` is too long to be a slip.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> known);

}  // namespace sallyport
