// Bytes that lie in several pieces of memory, addressed by offsets over their concatenation.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/tls/record.h"

namespace sallyport::tls {

[[nodiscard]] inline std::size_t total_len(std::span<const MutableBytes> pieces) noexcept {
  std::size_t total = 0;
  for (const MutableBytes piece : pieces) total += piece.size();
  return total;
}

// PieceRange is a part [offset, offset + len) of some pieces, as pieces again.  Precondition: the
// range lies within them, and they are at most kMaxPieces.
class PieceRange {
 public:
  PieceRange(std::span<const MutableBytes> pieces, std::size_t offset, std::size_t len) noexcept {
    for (const MutableBytes piece : pieces) {
      if (len == 0) break;
      if (offset >= piece.size()) {
        offset -= piece.size();
        continue;
      }
      const MutableBytes part = piece.subspan(offset, std::min(len, piece.size() - offset));
      offset = 0;
      len -= part.size();
      pieces_[num_pieces_++] = part;
    }
  }

  [[nodiscard]] std::span<const MutableBytes> pieces() const noexcept {
    return std::span{pieces_}.first(num_pieces_);
  }
  // contiguous is the whole range when it lies in one piece, else nothing.
  [[nodiscard]] ByteView contiguous() const noexcept {
    return num_pieces_ == 1 ? ByteView{pieces_[0]} : ByteView{};
  }
  // copy_to copies as many bytes as there are and fit, and returns how many.
  std::size_t copy_to(MutableBytes out) const noexcept {
    std::size_t copied = 0;
    for (const MutableBytes piece : pieces()) {
      const std::size_t n = std::min(piece.size(), out.size() - copied);
      std::ranges::copy(piece.first(n), out.begin() + static_cast<std::ptrdiff_t>(copied));
      copied += n;
    }
    return copied;
  }

 private:
  std::array<MutableBytes, kMaxPieces> pieces_;
  std::size_t num_pieces_ = 0;
};

}  // namespace sallyport::tls
