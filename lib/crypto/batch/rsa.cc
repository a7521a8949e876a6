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

// ExponentMember says which of a prime's exponents: that of an operation, or that of a renewal.
using ExponentMember = std::array<std::uint64_t, kMaxPrimeWords> RsaKey::Prime::*;

void load_key(const RsaKey& key, ExponentMember exponent, std::size_t i, RsaBatch& batch) noexcept {
  const Sizes size{key.tens};
  batch.tens = key.tens;
  for (std::size_t half = 0; half < key.prime.size(); ++half) {
    const RsaKey::Prime& from = key.prime[half];
    RsaBatch::Prime& to = batch.prime[half];
    set_lane(to.modulus, i, size.half, from.modulus);
    set_lane(to.one, i, size.half, from.one);
    set_lane(to.cube, i, size.half, from.cube);
    set_lane(to.exponent, i, size.words, from.*exponent);
    to.negative_inverse[i] = from.negative_inverse;
  }
  set_lane(batch.q_inverse, i, size.half, key.q_inverse);
  set_lane(batch.modulus, i, size.full, key.modulus);
  set_lane(batch.square, i, size.full, key.square);
  batch.negative_inverse[i] = key.negative_inverse;
  batch.public_exponent[i] = key.public_exponent;
}

void load_input(ByteView input, std::size_t i, RsaBatch& batch) noexcept {
  set_limbs(input, Sizes{batch.tens}.full,
            [&](std::size_t limb, std::uint64_t value) { batch.input[limb][i] = value; });
}

}  // namespace

bool is_below_modulus(const RsaKey& key, ByteView number) noexcept {
  std::uint64_t borrow = 0;  // of a subtraction from the lowest limb up, through all of them
  set_limbs(number, Sizes{key.tens}.full, [&](std::size_t i, std::uint64_t limb) {
    borrow = (limb - key.modulus[i] - borrow) >> 63;
  });
  return borrow != 0;
}

void load_rsa_lane(const RsaLane& lane, std::size_t i, RsaBatch& batch) noexcept {
  batch.task = RsaBatch::Task::raise;
  load_key(*lane.key, &RsaKey::Prime::exponent, i, batch);
  const Sizes size{batch.tens};
  set_lane(batch.blind, i, size.full, lane.blinding->blind);
  set_lane(batch.unblind, i, size.full, lane.blinding->unblind);
  load_input(lane.input, i, batch);
}

void load_rsa_renewal(const RsaKey& key, ByteView drawn, std::size_t i, RsaBatch& batch) noexcept {
  batch.task = RsaBatch::Task::renew;
  load_key(key, &RsaKey::Prime::negative_exponent, i, batch);
  load_input(drawn, i, batch);
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
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    RsaLane& lane = lanes[i];
    const bool fits = lane.input.size() == lane.key->bytes();
    if (fits) load_rsa_lane(lane, i, batch);
    lane.refused = !fits || !is_below_modulus(*lane.key, lane.input);
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

void Rsa::begin_renewal(const RsaKey& key, ByteView drawn) noexcept {
  for (std::size_t i = 0; i < kLanes; ++i) {
    load_rsa_renewal(key, drawn.subspan(i * key.bytes(), key.bytes()), i, *batch_);
  }
  rsa_begin(*batch_);
}

bool Rsa::finish_renewal(std::span<RsaBlinding, kLanes> pairs) noexcept {
  const RsaBatch& batch = *batch_;
  const std::size_t limbs = Sizes{batch.tens}.full;
  const bool good = batch.good == 0xff;
  if (good) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      take_lane(batch.blind, i, limbs, pairs[i].blind);
      take_lane(batch.unblind, i, limbs, pairs[i].unblind);
    }
  }
  abandon();
  return good;
}

}  // namespace sallyport::crypto::batch
