#include "app/sallyport/verifier_thread.h"

#include <pthread.h>

#include <array>
#include <chrono>
#include <string>

#include "lib/dpdk/io_lcore.h"

namespace sallyport {
namespace {

// What a worker may have judged before the next one's turn: a few milliseconds.
constexpr std::size_t kInARow = 4;
// A job waits for so long at most before somebody looks; a handshake takes several times as long.
constexpr microseconds kNap{200};

WallClock wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto unix_ms = std::chrono::duration_cast<milliseconds>(since).count();
  return {dpdk::now(), static_cast<std::uint64_t>(unix_ms)};
}

}  // namespace

dpdk::Failure VerifierThread::create(std::size_t num_workers, std::size_t jobs_per_worker) {
  const auto capacity = static_cast<std::uint32_t>(jobs_per_worker);
  for (std::size_t i = 0; i < num_workers; ++i) {
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>());
    const std::string number = std::to_string(i);
    if (dpdk::Failure failure =
            lane.to_verifier.create(("to_verifier_" + number).c_str(), capacity)) {
      return failure;
    }
    if (dpdk::Failure failure =
            lane.from_verifier.create(("from_verifier_" + number).c_str(), capacity)) {
      return failure;
    }
  }
  return {};
}

void VerifierThread::start() {
  // It starts where this thread may run, which is no core of a worker.
  thread_ = std::thread{[this] { run(); }};
  pthread_setname_np(thread_.native_handle(), "verifier");
}

void VerifierThread::stop() noexcept {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

void VerifierThread::run() noexcept {
  while (!stop_.load(std::memory_order_relaxed)) {
    std::size_t judged = 0;
    for (const auto& lane : lanes_) judged += serve(*lane);
    if (judged == 0) std::this_thread::sleep_for(kNap);
  }
}

std::size_t VerifierThread::serve(Lane& lane) noexcept {
  std::array<crypto::VerifyJob*, kInARow> jobs{};
  const std::size_t num = lane.to_verifier.take(jobs);
  for (crypto::VerifyJob* job : std::span{jobs}.first(num)) {
    verifier_.run(*job, wall_clock());
    // Its ring has room for every job that there is.
    static_cast<void>(lane.from_verifier.put(std::span{&job, 1}));
  }
  return num;
}

}  // namespace sallyport
