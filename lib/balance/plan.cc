#include "lib/balance/plan.h"

#include <algorithm>
#include <numeric>

#include "lib/base/check.h"

namespace sallyport::balance {
namespace {

// places_of reduces weights to numbers of places: divided by their common divisor, and scaled when
// the sum is still too long.
std::vector<std::uint64_t> places_of(std::span<const Candidate> candidates) {
  std::vector<std::uint64_t> places;
  std::uint64_t divisor = 0;
  for (const Candidate& c : candidates) {
    places.push_back(c.healthy ? c.weight : 0);
    divisor = std::gcd(divisor, places.back());
  }
  if (divisor == 0) return places;
  for (auto& n : places) n /= divisor;
  const auto total = std::accumulate(places.begin(), places.end(), std::uint64_t{0});
  if (total > Plan::kMaxPlaces) {
    for (auto& n : places) {
      if (n != 0) n = std::max<std::uint64_t>(1, n * Plan::kMaxPlaces / total);
    }
  }
  return places;
}

// Place number k of a backend with n of them belongs at (2k + 1) / 2n of the way around.
struct Position {
  std::uint64_t numerator;
  std::uint64_t denominator;
  std::uint16_t backend;
};

bool comes_before(const Position& a, const Position& b) {
  const auto left = a.numerator * b.denominator;
  const auto right = b.numerator * a.denominator;
  return left != right ? left < right : a.backend < b.backend;
}

}  // namespace

Plan::Plan(Method method, std::span<const Candidate> candidates) : method_{method} {
  SALLYPORT_CHECK(candidates.size() <= kMaxPlaces);
  const std::vector<std::uint64_t> counts = places_of(candidates);
  std::vector<Position> positions;
  for (std::size_t backend = 0; backend < counts.size(); ++backend) {
    for (std::uint64_t k = 0; k < counts[backend]; ++k) {
      positions.push_back({2 * k + 1, 2 * counts[backend], static_cast<std::uint16_t>(backend)});
    }
  }
  std::ranges::sort(positions, comes_before);
  places_.reserve(positions.size());
  for (const Position& p : positions) places_.push_back(p.backend);
}

std::optional<BackendIndex> pick(const Plan& plan, Cursor& cursor, const Flow& /*flow*/,
                                 const Tried& tried) noexcept {
  const auto places = plan.places();
  for (std::size_t looked = 0; looked < places.size(); ++looked) {
    const BackendIndex backend{places[cursor.next % places.size()]};
    ++cursor.next;
    if (!tried.contains(backend)) return backend;
  }
  return std::nullopt;
}

}  // namespace sallyport::balance
