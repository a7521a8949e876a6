// Bytes that lie in several pieces of memory, addressed by offsets over their concatenation.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/tls/record.h"

namespace sallyport::tls {

// copy_bytes copies `from` to the front of `to`, which must have room.  GCC 12 makes a loop over
// bytes of std::ranges::copy between spans.
inline void copy_bytes(ByteView from, MutableBytes to) noexcept {
  if (!from.empty()) std::memcpy(to.first(from.size()).data(), from.data(), from.size());
}

template <class Bytes>
[[nodiscard]] std::size_t total_len(std::span<const Bytes> pieces) noexcept {
  std::size_t total = 0;
  for (const Bytes piece : pieces) total += piece.size();
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
      std::construct_at(&pieces_[num_pieces_++], part);
    }
  }

  // Of a range with a name: a loop over those of a temporary would outlive it.
  void pieces() const&& = delete;
  [[nodiscard]] std::span<const MutableBytes> pieces() const& noexcept {
    return {pieces_, num_pieces_};
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
      copy_bytes(piece.first(n), out.subspan(copied));
      copied += n;
    }
    return copied;
  }

 private:
  // Not initialised: nearly every record lies in one piece or two, and clearing room for all that
  // there may be costs as much as decrypting a small one.
  union {
    MutableBytes pieces_[kMaxPieces];
  };
  std::size_t num_pieces_ = 0;
};

}  // namespace sallyport::tls
