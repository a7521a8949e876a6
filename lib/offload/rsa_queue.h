// RsaQueue: jobs that wait for the private operation of RSA, by the size of their keys, and the one
// batch of eight that is being computed, a slice at a time: a whole one takes milliseconds, and an
// I/O lcore has frames to look after.
//
// Nobody waits for lanes to fill: a batch begins as soon as the one before has ended, with whatever
// waits then.
//
// Now and then a batch makes fresh blinding factors for a key.  While more than an eighth of their
// uses is left, from a quarter on, it runs when nobody waits, and is given up when somebody comes;
// from then on it runs to its end, in turns with batches of jobs, which wait that much longer.  A
// key that has none left, after a fault, has its jobs wait for it.  A key for which three have
// failed in a row is left to OpenSSL as soon as it has none, until it is read anew; and so is a key
// whose lanes have failed in three batches in a row, at once.
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
#include "lib/crypto/openssl/rsa_private.h"
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
  // empty tells that there is nothing to work off.
  [[nodiscard]] bool empty() const noexcept {
    return waiting_ == 0 && in_work_ == 0 && !renewing_ && due_ == crypto::CredentialId{};
  }

  enum class Renewal : std::uint8_t { none, done, failed };
  struct Worked {
    // Jobs that are done, valid until the next call.  Those that sign have a signature or none;
    // those that decrypt have their premaster secret.  Expired ones say so.
    std::span<crypto::CryptoJob* const> jobs;
    std::size_t batch = 0;  // lanes of a batch that has begun
    Renewal renewal = Renewal::none;
  };
  // work works off a slice: about a tenth of a millisecond, or, where too few jobs wait for a batch
  // to pay, one operation of OpenSSL with 2,048 bits, four tenths.  An operation of any size is
  // OpenSSL's, uncut, where the key has no blinding factors and a renewal has failed, where three
  // batches have, and where the system has no randomness.
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
  // begin makes a batch of the line that waits longest, or has a key renewed that it needs, unless
  // it worked jobs off by itself.
  void begin(Pace pace, Tsc now) noexcept;
  // Ready says what can be done with a job: it has a lane now, has to be left to OpenSSL, or has to
  // wait until its key has blinding factors.
  enum class Ready : std::uint8_t { loaded, alone, later };
  [[nodiscard]] Ready load(crypto::CryptoJob& job, std::size_t lane) noexcept;
  void finish() noexcept;

  [[nodiscard]] crypto::openssl::RsaPrivate* find(crypto::CredentialId id) noexcept;
  // nominate makes a key the one that is due, if no other is more so.
  void nominate(crypto::CredentialId id, const crypto::openssl::RsaPrivate& key) noexcept;
  [[nodiscard]] bool renewal_goes_first() noexcept;
  // renewal_can_wait is about the one in work: the pairs that there are last until the next one.
  [[nodiscard]] bool renewal_can_wait() noexcept;
  // give_up_renewal forgets the one in work.  Its key is due again when it is used again, so it is
  // given up at most once for each use between a quarter and an eighth of them.
  void give_up_renewal() noexcept;
  // begin_renewal is about the key that is due; false when the system has no randomness.
  [[nodiscard]] bool begin_renewal() noexcept;
  [[nodiscard]] Renewal finish_renewal() noexcept;
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
  // The key with the fewest uses of its blinding factors left, of those that were used lately, and
  // few enough.  It is what the kernel is at while `renewing_`.
  crypto::CredentialId due_;
  bool renewing_ = false;
  bool renewed_last_ = false;  // no jobs were worked off since
  std::array<crypto::CryptoJob*, 2 * kLanes> done_{};
  std::size_t num_done_ = 0;
};

// run_rsa_alone lets OpenSSL do the private operation of a job: writes its signature, or its
// premaster secret.
void run_rsa_alone(KeyStore& keys, crypto::CryptoJob& job) noexcept;

}  // namespace sallyport::offload
