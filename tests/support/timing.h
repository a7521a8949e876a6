// Timing of code that works on secrets: it is called many times, in random order, with two classes
// of secrets, and Welch's t-test compares how long both take [Reparaz, Balasch, Verbauwhede 2017,
// dudect].  Interrupts and neighbours make the slowest calls slower, so the test is made for
// several shares of the fastest ones too.
#pragma once
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace sallyport::testing {

// A class of calls: with one secret, or with others.
enum class Class : std::uint8_t { fixed, random };
inline constexpr std::array kClasses{Class::fixed, Class::random};

struct Sample {
  double ticks;
  Class of;
};

// welch is the difference of both classes' means in units of its own deviation.
inline double welch(const std::vector<Sample>& samples, double longest) {
  struct Moments {
    double count = 0;
    double mean = 0;
    double squares = 0;  // of differences from the mean
  };
  std::array<Moments, kClasses.size()> moments;
  for (const Sample& sample : samples) {
    if (sample.ticks > longest) continue;
    Moments& m = moments[static_cast<std::size_t>(sample.of)];
    m.count += 1;
    const double off = sample.ticks - m.mean;
    m.mean += off / m.count;
    m.squares += off * (sample.ticks - m.mean);
  }
  double variance = 0;
  for (const Moments& m : moments) {
    if (m.count < 100) return 0;
    variance += m.squares / (m.count - 1) / m.count;
  }
  return (moments[0].mean - moments[1].mean) / std::sqrt(std::max(variance, 1e-9));
}

// largest_t repeats `call`, which works on what `prepare(Class, random)` has put in its place.
template <class Prepare, class Call>
double largest_t(int calls, const Prepare& prepare, const Call& call) {
  std::mt19937_64 random{20'261'125};  // NOLINT: a fixed seed makes failures repeatable
  std::vector<Sample> samples;
  for (int i = 0; i < calls + calls / 20; ++i) {
    const Class chosen = kClasses[random() & 1];
    prepare(chosen, random);
    _mm_lfence();
    const std::uint64_t begin = __rdtsc();
    call();
    _mm_lfence();
    const std::uint64_t end = __rdtsc();
    // The first ones find everything cold.
    if (i >= calls / 20) samples.push_back({static_cast<double>(end - begin), chosen});
  }
  std::vector<double> sorted;
  for (const Sample& sample : samples) sorted.push_back(sample.ticks);
  std::ranges::sort(sorted);
  double largest = 0;
  for (const double share : {0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0}) {
    const auto last = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
    largest = std::max(largest, std::abs(welch(samples, sorted[last])));
  }
  return largest;
}

// [dudect] calls what is above 10 probably a leak.  By chance that does not come about, but a
// neighbour who comes and goes may favour one class once; a leak does so every time.
inline constexpr double kLimit = 10;
inline constexpr int kTries = 3;
// least_t is the least that several tries come to.  A leak shows as more than kLimit.
template <class Prepare, class Call>
double least_t(const char* name, int calls, const Prepare& prepare, const Call& call) {
  double least = largest_t(calls, prepare, call);
  for (int i = 1; i < kTries && least >= kLimit; ++i) {
    least = std::min(least, largest_t(calls, prepare, call));
  }
  std::printf("%s: |t| = %.1f in %d calls\n", name, least, calls);
  return least;
}

}  // namespace sallyport::testing
