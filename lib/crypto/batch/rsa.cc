#include "lib/crypto/batch/rsa.h"

#include <algorithm>
#include <climits>

#include "lib/base/check.h"
#include "lib/base/secret.h"
#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/limbs52.h"

namespace sallyport::crypto::batch {
namespace {

template <std::size_t N>
void set_lane(LaneWord* to, std::size_t lane, std::size_t count,
              const std::array<std::uint64_t, N>& from) noexcept {
  for (std::size_t i = 0; i < count; ++i) to[i][lane] = from[i];
}
template <std::size_t N>
void take_lane(const LaneWord* from, std::size_t lane, std::size_t count,
               std::array<std::uint64_t, N>& to) noexcept {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i][lane];
}

struct Sizes {
  explicit Sizes(int tens) noexcept
      : half{10 * static_cast<std::size_t>(tens)},
        full{20 * static_cast<std::size_t>(tens)},
        words{8 * static_cast<std::size_t>(tens)} {}
  std::size_t half;
  std::size_t full;
  std::size_t words;
};

// is_below_modulus compares from the lowest limb up, all of them.
bool is_below_modulus(const RsaBatch& batch, std::size_t i, std::size_t limbs) noexcept {
  std::uint64_t borrow = 0;
  for (std::size_t limb = 0; limb < limbs; ++limb) {
    borrow = (batch.input[limb][i] - batch.modulus[limb][i] - borrow) >> 63;
  }
  return borrow != 0;
}

}  // namespace

void load_rsa_lane(const RsaLane& lane, std::size_t i, RsaBatch& batch) noexcept {
  const RsaKey& key = *lane.key;
  const Sizes size{key.tens};
  batch.tens = key.tens;
  for (std::size_t half = 0; half < key.prime.size(); ++half) {
    const RsaKey::Prime& from = key.prime[half];
    RsaBatch::Prime& to = batch.prime[half];
    set_lane(to.modulus, i, size.half, from.modulus);
    set_lane(to.one, i, size.half, from.one);
    set_lane(to.cube, i, size.half, from.cube);
    set_lane(to.exponent, i, size.words, from.exponent);
    to.negative_inverse[i] = from.negative_inverse;
  }
  set_lane(batch.q_inverse, i, size.half, key.q_inverse);
  set_lane(batch.modulus, i, size.full, key.modulus);
  set_lane(batch.square, i, size.full, key.square);
  batch.negative_inverse[i] = key.negative_inverse;
  batch.public_exponent[i] = key.public_exponent;
  set_lane(batch.blind, i, size.full, lane.blinding->blind);
  set_lane(batch.unblind, i, size.full, lane.blinding->unblind);
  set_limbs(lane.input, size.full,
            [&](std::size_t limb, std::uint64_t value) { batch.input[limb][i] = value; });
}

void Rsa::Delete::operator()(RsaBatch* batch) const noexcept {
  rsa_wipe(*batch);
  delete batch;
}

Rsa::Rsa() {
  SALLYPORT_CHECK(available());
  batch_.reset(new RsaBatch{});
}

Rsa::~Rsa() = default;

void Rsa::begin(std::span<RsaLane> lanes) noexcept {
  RsaBatch& batch = *batch_;
  batch.tens = lanes[0].key->tens;
  const Sizes size{batch.tens};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (lanes[i].input.size() == lanes[i].key->bytes()) load_rsa_lane(lanes[i], i, batch);
    lanes[i].refused = !is_below_modulus(batch, i, size.full);
  }
  rsa_begin(batch);
}

bool Rsa::step(int multiplications) noexcept { return rsa_step(*batch_, multiplications); }

void Rsa::finish(std::span<RsaLane> lanes) noexcept {
  RsaBatch& batch = *batch_;
  const Sizes size{batch.tens};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    RsaLane& lane = lanes[i];
    lane.ok = (batch.good >> i & 1) != 0 && !lane.refused;
    if (lane.ok && lane.blinding != nullptr) {
      take_lane(batch.blind, i, size.full, lane.blinding->blind);
      take_lane(batch.unblind, i, size.full, lane.blinding->unblind);
    }
    if (lane.ok) {
      take_limbs(
          size.full, [&](std::size_t limb) { return batch.output[limb][i]; }, lane.output);
    } else {
      wipe(lane.output);
    }
  }
  rsa_wipe(batch);
}

void Rsa::run(std::span<RsaLane> lanes) noexcept {
  for (std::size_t done = 0; done < lanes.size();) {
    const int tens = lanes[done].key->tens;
    std::size_t count = 1;
    while (count < kLanes && done + count < lanes.size() && lanes[done + count].key->tens == tens) {
      ++count;
    }
    const std::span group = lanes.subspan(done, count);
    begin(group);
    while (!step(INT_MAX)) {
    }
    finish(group);
    done += count;
  }
}

}  // namespace sallyport::crypto::batch
