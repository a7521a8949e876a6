// Shares: how many of a number of places each of several holders has, so that one of them who lets
// none go cannot keep the others out.
//
// [Choudhury and Hahne 1998] Nobody takes a place who has as many as are left.  So a holder alone
// gets half of them; n who take all that they can get have 1/(n + 1) each, and leave as much to
// whoever comes next.  Nothing has to be taken back from anybody for that.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::worker {

class Shares {
 public:
  explicit Shares(std::size_t num_places) noexcept : left_{num_places} {}

  [[nodiscard]] bool may_take(std::size_t holder) const noexcept {
    return held_[holder % held_.size()] < left_;
  }
  // Precondition: may_take().
  void take(std::size_t holder) noexcept {
    ++held_[holder % held_.size()];
    --left_;
  }
  void give_back(std::size_t holder) noexcept {
    --held_[holder % held_.size()];
    ++left_;
  }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

 private:
  std::size_t left_;
  // Holders beyond have a share together with another one, which costs room and nothing else.
  std::array<std::uint32_t, 256> held_{};
};

}  // namespace sallyport::worker
