// TlsClientDriver does to a tls::Client what a worker does: cuts the byte stream into records,
// lends buffers, runs jobs, pulls output.  It keeps an account of what it lent.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/tls/client.h"
#include "tests/support/tls_driver.h"

namespace sallyport::testing {

class TlsClientDriver {
 public:
  struct Options {
    std::size_t piece_len = tls::kMaxRecord;  // received records are cut into pieces of this
    std::size_t room = 1'400;                 // of one frame to pull into
    bool run_jobs = true;
    bool run_verifications = true;
    bool attach_verify_jobs = true;
    std::uint8_t seed = 11;
    std::uint64_t unix_ms = 1'800'000'000'000;
    tls::KeyLimits limits{};
    tls::Engine* engine = nullptr;                // to be shared; nullptr: one of its own
    const tls::ClientSession* session = nullptr;  // to be shown
  };

  TlsClientDriver(const tls::ClientConfig& config, JobRunner& jobs)
      : TlsClientDriver{config, jobs, {}} {}
  TlsClientDriver(const tls::ClientConfig& config, JobRunner& jobs, const Options& options)
      : options_{options},
        jobs_{jobs},
        random_{Random::Seed{options.seed}},
        own_engine_{options.engine == nullptr
                        ? std::make_unique<tls::Engine>(random_, options.limits)
                        : nullptr},
        engine_(options.engine == nullptr ? *own_engine_ : *options.engine),
        client_{handshake_, config, options.session} {
    begin_burst();
    last_.await = client_.await();
    proceed();
  }

  // feed gives bytes of the server to the client, record by record, until it will take no more.
  void feed(ByteView bytes) {
    append(inbox_, bytes);
    process();
  }
  void process() {
    while (inbox_.size() >= tls::kRecordHeader && last_.await == tls::Await::peer) {
      const std::size_t size = tls::Client::record_size(ByteView{inbox_}.first(5));
      if (inbox_.size() < size) return;
      Bytes record(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(size));
      receive(record);
    }
  }
  // take_output is everything the client has to say now.
  Bytes take_output() {
    Bytes out;
    Bytes room(options_.room);
    while (client_.has_output(handshake())) {
      const tls::Pulled pulled = client_.pull(engine_, handshake(), room);
      if (pulled.len == 0) break;
      append(out, ByteView{room}.first(pulled.len));
    }
    return out;
  }
  // send seals application data in records of at most `fragment`, and returns them.
  Bytes send(ByteView plaintext, std::size_t fragment = tls::kMaxFragment) {
    Bytes out;
    Bytes record(tls::kMaxRecord);
    while (!plaintext.empty()) {
      append(out, take_output());
      const std::size_t len = std::min(fragment, plaintext.size());
      const ByteView pieces[] = {plaintext.first(len)};
      const std::size_t n = client_.seal(engine_, pieces, record);
      if (n == 0) break;
      append(out, ByteView{record}.first(n));
      plaintext = plaintext.subspan(len);
    }
    return out;
  }

  // proceed does what a worker does between records, as long as there is something to do.
  void proceed() {
    for (;;) {
      switch (last_.await) {
        case tls::Await::key_share:
          start();
          continue;
        case tls::Await::job:
          if (!options_.run_jobs) return;
          run_job();
          continue;
        case tls::Await::verdict:
          if (!options_.run_verifications) return;
          verify();
          continue;
        default:
          return;
      }
    }
  }
  void start() {
    crypto::KeyShare share;
    const auto group = client_.wants_key_share(handshake_);
    if (group != crypto::NamedGroup::none) share = jobs_.make_key_share(group);
    note(client_.start(engine_, handshake_, share));
  }
  void run_job() {
    auto job = std::make_unique<crypto::CryptoJob>();
    crypto::KeyShare share;
    const auto group = client_.wants_key_share(handshake_);
    if (group != crypto::NamedGroup::none) share = jobs_.make_key_share(group);
    note(client_.start_job(engine_, handshake_, *job, share));
    if (last_.await != tls::Await::job_result) return;
    jobs_.run(*job);
    note(client_.job_done(engine_, handshake_, *job));
    wipe_object(*job);
  }
  void verify() {
    jobs_.verify(*verify_);
    note(client_.verify_done(engine_, handshake_, *verify_));
    give_back();
  }

  [[nodiscard]] tls::Client& client() { return client_; }
  [[nodiscard]] tls::Engine& engine() { return engine_; }
  [[nodiscard]] tls::ClientHandshake* handshake() {
    return client_.needs_handshake(&handshake_) ? &handshake_ : nullptr;
  }
  // handshake_memory is what lies in the handshake's slot, whether it is needed or not.
  [[nodiscard]] ByteView handshake_memory() const {
    return {reinterpret_cast<const std::uint8_t*>(&handshake_), sizeof handshake_};
  }
  [[nodiscard]] const tls::Step& last() const { return last_; }
  [[nodiscard]] const Bytes& application_data() const { return application_data_; }
  [[nodiscard]] bool saw(tls::Event event) const { return seen_.has(event); }
  [[nodiscard]] bool holds_verify_job() const { return verify_ != nullptr; }
  [[nodiscard]] crypto::VerifyJob* verify_job() { return verify_.get(); }
  // session is the one that was kept last.
  [[nodiscard]] tls::ClientSession& session() { return session_; }
  [[nodiscard]] int num_sessions() const { return num_sessions_; }

  Tsc now{1'000'000};

 private:
  void begin_burst() {
    engine_.use_tickets(nullptr, {now, options_.unix_ms});
    engine_.begin_burst(now, TscRate{1'000'000'000});
  }
  void receive(Bytes& record) {
    std::vector<MutableBytes> pieces;
    const std::size_t piece_len =
        std::max(options_.piece_len, (record.size() + tls::kMaxPieces - 1) / tls::kMaxPieces);
    for (std::size_t at = 0; at < record.size(); at += piece_len) {
      pieces.push_back(MutableBytes{record}.subspan(at, std::min(piece_len, record.size() - at)));
    }
    begin_burst();
    tls::Step step = client_.receive(engine_, {handshake(), verify_.get(), &session_}, pieces);
    if (step.await == tls::Await::verify_buffer && options_.attach_verify_jobs) {
      verify_ = std::make_unique<crypto::VerifyJob>();
      step = client_.receive(engine_, {handshake(), verify_.get(), &session_}, pieces);
    }
    note(step);
    if (step.application_data.len != 0) {
      append(application_data_,
             ByteView{record}.subspan(step.application_data.offset, step.application_data.len));
    }
    give_back();
    proceed();
  }
  void give_back() {
    if (!client_.needs_verify_job(handshake())) verify_.reset();
  }
  void note(const tls::Step& step) {
    last_ = step;
    for (const auto event :
         {tls::Event::hello_retry, tls::Event::established, tls::Event::close_notify,
          tls::Event::fatal_alert, tls::Event::key_updated, tls::Event::session}) {
      if (step.events.has(event)) seen_.add(event);
    }
    if (step.events.has(tls::Event::session)) ++num_sessions_;
  }

  Options options_;
  JobRunner& jobs_;
  Random random_;
  std::unique_ptr<tls::Engine> own_engine_;
  tls::Engine& engine_;
  tls::ClientHandshake handshake_;
  tls::ClientSession session_;
  std::unique_ptr<crypto::VerifyJob> verify_;
  tls::Client client_;
  tls::Step last_;
  tls::Events seen_;
  Bytes inbox_;
  Bytes application_data_;
  int num_sessions_ = 0;
};

}  // namespace sallyport::testing
