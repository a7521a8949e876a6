// TlsDriver does to a tls::Server what a worker does: cuts the byte stream into records, lends
// buffers, runs jobs, pulls output.  It keeps an account of what it lent, so tests can ask whether
// all of it came back.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "lib/crypto/job.h"
#include "lib/tls/server.h"
#include "tests/support/bytes.h"

namespace sallyport::testing {

inline void append(Bytes& to, ByteView bytes) {
  const std::size_t at = to.size();
  to.resize(at + bytes.size());
  std::ranges::copy(bytes, to.begin() + static_cast<std::ptrdiff_t>(at));
}

// JobRunner executes jobs at once: an executor, or a fake with fixed results.
class JobRunner {
 public:
  JobRunner() = default;
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;
  virtual ~JobRunner() = default;
  virtual crypto::KeyShare make_key_share(crypto::NamedGroup group) = 0;
  virtual void run(crypto::CryptoJob& job) = 0;
  // verify judges a client; without a verifier there is none who could.
  virtual void verify(crypto::VerifyJob& job) { job.status = crypto::VerifyStatus::failed; }
};

// FakeJobs knows the outcome beforehand: tests of the state machine need no public keys.
class FakeJobs : public JobRunner {
 public:
  static constexpr std::uint8_t kPrivateByte = 0x99;
  static constexpr std::uint8_t kSharedByte = 0x42;

  crypto::KeyShare make_key_share(crypto::NamedGroup group) override {
    crypto::KeyShare share;
    share.group = group;
    share.public_len = group == crypto::NamedGroup::x25519 ? 32 : 65;
    share.private_len = 32;
    std::fill_n(share.private_key.begin(), 32, kPrivateByte);
    share.public_key.fill(0x5a);
    share.public_key[0] = 4;
    return share;
  }
  void run(crypto::CryptoJob& job) override {
    job.status = status;
    std::fill_n(job.shared_secret.begin(), 32, kSharedByte);
    job.shared_secret_len = 32;
    job.signature.fill(0x33);
    job.signature_len = 70;
    ++num_jobs;
  }
  void verify(crypto::VerifyJob& job) override {
    job.status = verify_status;
    job.identity = identity;
    ++num_verifications;
  }
  crypto::JobStatus status = crypto::JobStatus::ok;
  int num_jobs = 0;
  crypto::VerifyStatus verify_status = crypto::VerifyStatus::done;
  crypto::ClientIdentity identity = [] {
    crypto::ClientIdentity client;
    client.verdict = crypto::ClientVerdict::ok;
    client.fingerprint.fill(0xf1);
    client.not_after = 4'000'000'000;
    client.set_subject("CN=client");
    return client;
  }();
  int num_verifications = 0;
};

class TlsDriver {
 public:
  struct Options {
    std::size_t piece_len = tls::kMaxRecord;  // received records are cut into pieces of this
    std::size_t room = 1'400;                 // of one frame to pull into
    bool run_jobs = true;
    bool attach_buffers = true;
    bool attach_verify_jobs = true;
    bool run_verifications = true;
    tls::KeyLimits limits{};
    tls::SessionCache* sessions = nullptr;
    std::uint8_t seed = 7;          // of its random numbers
    tls::Engine* engine = nullptr;  // to be shared; nullptr: one of its own
  };

  TlsDriver(const tls::ServerConfig& config, JobRunner& jobs) : TlsDriver{config, jobs, {}} {}
  TlsDriver(const tls::ServerConfig& config, JobRunner& jobs, const Options& options)
      : options_{options},
        config_{config},
        jobs_{jobs},
        random_{Random::Seed{options.seed}},
        own_engine_{options.engine == nullptr
                        ? std::make_unique<tls::Engine>(random_, options.limits, options.sessions)
                        : nullptr},
        engine_(options.engine == nullptr ? *own_engine_ : *options.engine),
        server_{handshake_, config, &client_} {
    engine_.begin_burst(now, TscRate{1'000'000'000});
  }

  // feed gives bytes of the client to the server, record by record, until it will take no more.
  void feed(ByteView bytes) {
    append(inbox_, bytes);
    process();
  }
  // take_output is everything the server has to say now.
  Bytes take_output() {
    Bytes out;
    Bytes room(options_.room);
    while (server_.has_output(handshake())) {
      const tls::Pulled pulled = server_.pull(engine_, handshake(), room);
      if (pulled.len == 0) break;
      whole_records_ = whole_records_ && ends_at_record({room.data(), pulled.len});
      flight_complete_ = flight_complete_ || pulled.flight_complete;
      append(out, ByteView{room}.first(pulled.len));
    }
    // What is given back holds nothing that the server could still look at.
    if (handshake() == nullptr) handshake_.clear();
    return out;
  }
  // send seals application data in records of at most `fragment`, and returns them.
  Bytes send(ByteView plaintext, std::size_t fragment = tls::kMaxFragment) {
    Bytes out;
    Bytes record(tls::kMaxRecord);
    while (!plaintext.empty()) {
      append(out, take_output());
      const std::size_t len = std::min(fragment, plaintext.size());
      // Two pieces, as two received frames of a backend would be.
      const std::array<ByteView, 2> pieces{plaintext.first(len / 2),
                                           plaintext.subspan(len / 2, len - len / 2)};
      const std::size_t n = server_.seal(engine_, pieces, record);
      if (n == 0) break;
      append(out, ByteView{record}.first(n));
      plaintext = plaintext.subspan(len);
    }
    return out;
  }

  void process() {
    while (inbox_.size() >= tls::kRecordHeader && last_.await != tls::Await::nothing) {
      if (last_.await != tls::Await::peer) return;
      const std::size_t size = tls::Server::record_size(ByteView{inbox_}.first(5));
      if (inbox_.size() < size) return;
      Bytes record(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      receive(record);
      ++records_;
    }
  }

  // run_job does what a worker does when a job slot is free.
  void run_job() {
    auto job = std::make_unique<crypto::CryptoJob>();
    crypto::KeyShare share;
    const auto group = server_.wants_key_share(handshake_);
    if (group != crypto::NamedGroup::none) share = jobs_.make_key_share(group);
    note(server_.start_job(engine_, handshake_, *job, share));
    if (last_.await != tls::Await::job_result) return;
    jobs_.run(*job);
    note(server_.job_done(engine_, handshake_, *job));
    wipe_object(*job);
  }

  // run_verification does what a worker does with a verifier.
  void run_verification() {
    jobs_.verify(*verify_);
    note(server_.verify_done(engine_, handshake_, *verify_));
    if (!server_.needs_verify_job(handshake())) verify_.reset();
  }

  [[nodiscard]] tls::Server& server() { return server_; }
  // client is who the server took the client for.
  [[nodiscard]] const crypto::ClientIdentity& client() const { return client_; }
  [[nodiscard]] crypto::VerifyJob* verify_job() { return verify_.get(); }
  [[nodiscard]] bool used_verify_job() const { return used_verify_job_; }
  [[nodiscard]] tls::Engine& engine() { return engine_; }
  [[nodiscard]] tls::Handshake* handshake() {
    return server_.needs_handshake(&handshake_) ? &handshake_ : nullptr;
  }
  // handshake_memory is what lies in the handshake's slot, whether it is needed or not.
  [[nodiscard]] ByteView handshake_memory() const {
    return {reinterpret_cast<const std::uint8_t*>(&handshake_), sizeof handshake_};
  }
  [[nodiscard]] const tls::Step& last() const { return last_; }
  [[nodiscard]] const Bytes& application_data() const { return application_data_; }
  [[nodiscard]] bool saw(tls::Event event) const { return seen_.has(event); }
  // ticket_refusal is what the server thought of the tickets in the last ClientHello.
  [[nodiscard]] stats::TicketRefusal ticket_refusal() const { return ticket_refusal_; }
  [[nodiscard]] bool whole_records() const { return whole_records_; }
  [[nodiscard]] bool flight_complete() const { return flight_complete_; }
  [[nodiscard]] int key_updates() const { return key_updates_; }
  [[nodiscard]] std::size_t records() const { return records_; }
  // The most that was lent at any time.
  [[nodiscard]] bool used_message_buffer() const { return used_message_buffer_; }
  [[nodiscard]] bool holds_message_buffer() const { return buffer_ != nullptr; }

  Tsc now{1'000'000};

 private:
  void receive(Bytes& record) {
    std::vector<MutableBytes> pieces;
    // The server takes so many pieces at most; a worker joins smaller ones.
    const std::size_t piece_len =
        std::max(options_.piece_len, (record.size() + tls::kMaxPieces - 1) / tls::kMaxPieces);
    for (std::size_t at = 0; at < record.size(); at += piece_len) {
      pieces.push_back(MutableBytes{record}.subspan(at, std::min(piece_len, record.size() - at)));
    }
    engine_.begin_burst(now, TscRate{1'000'000'000});
    tls::Step step = server_.receive(engine_, attached(), pieces);
    if (step.await == tls::Await::handshake) {
      server_.resume(handshake_, config_, &client_);
      step = server_.receive(engine_, {&handshake_, buffer_.get(), nullptr}, pieces);
    }
    if (step.await == tls::Await::message_buffer && options_.attach_buffers) {
      buffer_ = std::make_unique<tls::MessageBuffer>();
      used_message_buffer_ = true;
      step = server_.receive(engine_, {&handshake_, buffer_.get(), verify_.get()}, pieces);
    }
    if (step.await == tls::Await::verify_buffer) {
      if (options_.attach_verify_jobs) {
        verify_ = std::make_unique<crypto::VerifyJob>();
        used_verify_job_ = true;
        step = server_.receive(engine_, attached(), pieces);
      } else {
        step = server_.refuse_verification(handshake_);
      }
    }
    note(step);
    if (step.application_data.len != 0) {
      append(application_data_,
             ByteView{record}.subspan(step.application_data.offset, step.application_data.len));
    }
    if (!server_.needs_message_buffer(handshake())) buffer_.reset();
    if (!server_.needs_verify_job(handshake())) verify_.reset();
    while (options_.run_jobs && last_.await == tls::Await::job) run_job();
    if (options_.run_verifications && last_.await == tls::Await::verdict) run_verification();
  }
  [[nodiscard]] tls::Attached attached() { return {handshake(), buffer_.get(), verify_.get()}; }
  void note(const tls::Step& step) {
    last_ = step;
    for (const auto event :
         {tls::Event::client_hello, tls::Event::hello_retry, tls::Event::established,
          tls::Event::close_notify, tls::Event::fatal_alert, tls::Event::key_updated,
          tls::Event::ticket_age}) {
      if (step.events.has(event)) seen_.add(event);
    }
    if (step.events.has(tls::Event::key_updated)) ++key_updates_;
    if (step.events.has(tls::Event::client_hello)) ticket_refusal_ = step.ticket_refusal;
  }
  static bool ends_at_record(ByteView bytes) {
    while (bytes.size() >= tls::kRecordHeader) {
      const std::size_t size = tls::Server::record_size(bytes);
      if (size > bytes.size()) return false;
      bytes = bytes.subspan(size);
    }
    return bytes.empty();
  }

  Options options_;
  const tls::ServerConfig& config_;
  JobRunner& jobs_;
  Random random_;
  std::unique_ptr<tls::Engine> own_engine_;
  tls::Engine& engine_;
  tls::Handshake handshake_;
  std::unique_ptr<tls::MessageBuffer> buffer_;
  std::unique_ptr<crypto::VerifyJob> verify_;
  crypto::ClientIdentity client_;
  tls::Server server_;
  tls::Step last_;
  tls::Events seen_;
  stats::TicketRefusal ticket_refusal_ = stats::TicketRefusal::none;
  Bytes inbox_;
  Bytes application_data_;
  bool whole_records_ = true;
  bool flight_complete_ = false;
  bool used_message_buffer_ = false;
  bool used_verify_job_ = false;
  int key_updates_ = 0;
  std::size_t records_ = 0;
};

}  // namespace sallyport::testing
