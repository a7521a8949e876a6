// BackendLeg: what a connection has beside itself where its backend is spoken to in TLS.  Pools in
// plaintext cost none of this: legs lie in an array of their own, which exists only where a pool
// speaks TLS, at the index of their connection.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/slab.h"
#include "lib/crypto/job.h"
#include "lib/crypto/verify_job.h"
#include "lib/snapshot/snapshot.h"
#include "lib/stats/reasons.h"
#include "lib/tls/client.h"
#include "lib/tls/client_handshake.h"

namespace sallyport::worker {

// BackendHandshake is what a leg needs until TLS is established; then the slot is given back.
struct BackendHandshake {
  tls::ClientHandshake tls;
  tls::ClientSession session;  // that is shown to the backend, and to no other any more
  Handle<crypto::CryptoJob> job;
  Handle<crypto::VerifyJob> verify_job;
  std::uint64_t configuration = 0;  // pinned for as long as this is held
  std::uint32_t era = 0;            // of BackendSessions, when the session was taken
  snapshot::PoolIndex pool;         // in whose share this is
  bool is_being_judged = false;     // the VerifyJob is away
};

struct BackendLeg {
  tls::Client tls;
  Handle<BackendHandshake> handshake;
  std::uint16_t sessions = snapshot::Backend::kNoSessions;  // place in the worker's BackendSessions
  // The backend's input begins with so many bytes that are opened and not relayed yet, and behind
  // them what else that record had: a tag, padding.
  std::uint16_t plaintext = 0;
  std::uint16_t trailer = 0;
  tls::Await await = tls::Await::nothing;
  stats::BackendTlsFailure failure{};  // not none: what is left is to give the backend up
  bool has_begun : 1 = false;          // TCP is established, and it was the turn of TLS
  bool has_ended : 1 = false;          // close_notify came: what the backend said is whole
};

// BackendSessions keeps a few sessions of one backend.  [RFC 8446 C.4] Each is shown once; one of
// TLS 1.2 that was accepted and not renewed is put back.
class BackendSessions {
 public:
  // What a server gives with a full handshake, for two of them that come at once.
  static constexpr std::size_t kKept = 4;

  // incoming is where the next session may be written; keep() makes it one of those that are kept,
  // in the place of the oldest when there are as many.
  [[nodiscard]] tls::ClientSession& incoming() noexcept { return sessions_[next_]; }
  void keep() noexcept {
    next_ = (next_ + 1) % kPlaces;
    if (count_ < kKept) {
      ++count_;
    } else {
      incoming().clear();
    }
  }
  // take gives the newest, and keeps it no longer; false: there is none.
  [[nodiscard]] bool take(tls::ClientSession& out) noexcept {
    if (count_ == 0) return false;
    --count_;
    next_ = (next_ + kPlaces - 1) % kPlaces;
    out.take_over(incoming());
    return true;
  }
  // put_back keeps a session that was taken in this era(), which ends with forget(): what another
  // connection shows at that moment is forgotten as well.
  void put_back(tls::ClientSession& session, std::uint32_t era) noexcept {
    if (era != era_) return;
    incoming().take_over(session);
    keep();
  }
  void forget() noexcept {
    for (tls::ClientSession& session : sessions_) session.clear();
    count_ = 0;
    ++era_;
  }
  [[nodiscard]] std::uint32_t era() const noexcept { return era_; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  static constexpr std::uint32_t kPlaces = kKept + 1;
  std::array<tls::ClientSession, kPlaces> sessions_;
  std::uint32_t next_ = 0;  // free
  std::uint32_t count_ = 0;
  std::uint32_t era_ = 0;
};

}  // namespace sallyport::worker
