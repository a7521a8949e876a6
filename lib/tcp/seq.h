// Sequence numbers and their order, by the names under which this module and its callers know them.
#pragma once
#include "lib/wire/seq_num.h"

namespace sallyport::tcp {

using wire::after;
using wire::at_or_after;
using wire::at_or_before;
using wire::before;
using wire::distance;
using wire::earlier;
using wire::later;
using wire::SeqNum;

// CoarseSeq is a remembered sequence number in two bytes, rounded down to 256: for what is compared
// within 8 MiB of it.
struct CoarseSeq {
  std::uint16_t units = 0;
  constexpr CoarseSeq() noexcept = default;
  constexpr explicit CoarseSeq(SeqNum s) noexcept : units{static_cast<std::uint16_t>(s.raw >> 8)} {}
  // is_before is certain: `s` lies after the number that was rounded, too.
  [[nodiscard]] constexpr bool is_before(SeqNum s) const noexcept {
    return static_cast<std::int16_t>(CoarseSeq{s}.units - units) > 0;
  }
};

}  // namespace sallyport::tcp
