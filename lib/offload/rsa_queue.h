// RsaQueue: jobs that wait for the private operation of RSA, by the size of their keys, and the one
// batch of eight that is being computed, a slice at a time: a whole one takes milliseconds, and an
// I/O lcore has frames to look after.
//
// Nobody waits for lanes to fill: a batch begins as soon as the one before has ended, with whatever
// waits then.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "lib/base/units.h"
#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"
#include "lib/offload/keystore.h"

namespace sallyport::offload {

class RsaQueue {
 public:
  // Pace says who is waiting: somebody with other things to do, or nobody.
  enum class Pace : std::uint8_t { slices, to_the_end };

  // Both must outlive the queue.  Precondition: crypto::batch::available().
  RsaQueue(const crypto::openssl::Context& context, KeyStore& keys);
  RsaQueue(const RsaQueue&) = delete;
  RsaQueue& operator=(const RsaQueue&) = delete;

  // add takes a job that signs with RSA or decrypts, and leaves it pending until work() gives it
  // back.  False when OpenSSL has to do it: no kernel for this key or scheme, or no room.
  [[nodiscard]] bool add(crypto::CryptoJob& job) noexcept;
  // holds tells whether there is anything to work off.
  [[nodiscard]] bool empty() const noexcept { return waiting_ == 0 && in_work_ == 0; }

  struct Worked {
    // Jobs that are done, valid until the next call.  Those that sign have a signature or none;
    // those that decrypt have their premaster secret.  Expired ones say so.
    std::span<crypto::CryptoJob* const> jobs;
    std::size_t batch = 0;  // lanes of a batch that has begun
  };
  // work works off a slice: about a tenth of a millisecond, or, where too few jobs wait for a batch
  // to pay, one operation of OpenSSL with 2,048 bits, four tenths.
  [[nodiscard]] Worked work(Pace pace, Tsc now) noexcept;

 private:
  static constexpr std::size_t kLanes = crypto::batch::kLanes;
  static constexpr std::size_t kSizes = crypto::batch::kMaxRsaTens - crypto::batch::kMinRsaTens + 1;
  static constexpr std::size_t kCapacity = 1'024;  // of each size: as many jobs as a worker has
  struct Waiting {
    crypto::CryptoJob* job = nullptr;
    std::uint64_t number = 0;  // in the order of arrival
  };
  struct Line {
    std::array<Waiting, kCapacity> ring;
    std::size_t head = 0;
    std::size_t tail = 0;
    [[nodiscard]] std::size_t size() const noexcept { return tail - head; }
    [[nodiscard]] const Waiting& front() const noexcept { return ring[head % kCapacity]; }
  };
  struct Lane {
    std::array<std::uint8_t, crypto::kMaxWide> input;
    std::array<std::uint8_t, crypto::kMaxWide> output;
  };
  // begin makes a batch of the line that waits longest; false when it worked jobs off by itself.
  [[nodiscard]] bool begin(Pace pace, Tsc now) noexcept;
  [[nodiscard]] bool load(crypto::CryptoJob& job, std::size_t lane) noexcept;
  void finish() noexcept;
  void give_back(crypto::CryptoJob& job) noexcept { done_[num_done_++] = &job; }

  const crypto::openssl::Context& context_;
  KeyStore& keys_;
  crypto::batch::Rsa kernel_;
  std::unique_ptr<std::array<Line, kSizes>> lines_;
  std::uint64_t arrived_ = 0;
  std::size_t waiting_ = 0;
  // The batch in work.
  std::array<crypto::CryptoJob*, kLanes> owners_{};
  std::array<crypto::batch::RsaLane, kLanes> lanes_{};
  std::array<Lane, kLanes> buffers_{};
  std::size_t in_work_ = 0;
  int tens_ = 0;
  std::array<crypto::CryptoJob*, 2 * kLanes> done_{};
  std::size_t num_done_ = 0;
};

// run_rsa_alone lets OpenSSL do the private operation of a job: writes its signature, or its
// premaster secret.
void run_rsa_alone(KeyStore& keys, crypto::CryptoJob& job) noexcept;

}  // namespace sallyport::offload
