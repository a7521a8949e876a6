// Shares: how many of a number of places each of several holders has, so that one of them who lets
// none go cannot keep the others out.
//
// [Choudhury and Hahne 1998] Nobody takes a place who has as many as are left.  So a holder alone
// gets half of them, and n who take in turns all that they can get have 1/(n + 1) each.  Who comes
// after others that hold on to theirs finds less: half of what they left.  Therefore the last
// eighth goes one by one to those who have none.  Nothing has to be taken back from anybody for
// that.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::worker {

class Shares {
 public:
  explicit Shares(std::size_t num_places) noexcept : left_{num_places}, reserve_{num_places / 8} {}

  [[nodiscard]] bool may_take(std::size_t holder) const noexcept {
    const std::size_t held = held_[holder % held_.size()];
    return held == 0 ? left_ > 0 : held + reserve_ < left_;
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
  std::size_t reserve_;  // for those who have none
  // A holder beyond has one share together with another, and suffers if that one lets none go.
  std::array<std::uint32_t, 256> held_{};
};

}  // namespace sallyport::worker
