#include "lib/offload/rsa_queue.h"

#include <algorithm>
#include <climits>

#include "lib/base/secret.h"
#include "lib/crypto/openssl/random.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/sign/premaster.h"
#include "lib/crypto/sign/rsa_encoding.h"
#include "lib/offload/job_content.h"

namespace sallyport::offload {

using crypto::CryptoJob;
using crypto::JobKind;
using crypto::JobStatus;

namespace {

// By size: what a slice of a tenth of a millisecond holds, in multiplications modulo a prime, and
// with how many lanes a batch takes less time than OpenSSL.  docs/performance.md has the curves.
constexpr std::array kSlice{250, 105, 60};
constexpr std::array<std::size_t, 3> kLeastLanes{3, 2, 2};
// A line of larger keys is not left to OpenSSL where frames wait: one operation takes 2 or 5 ms.
constexpr std::size_t kLargestAlone = 0;

// With how many uses left a key's blinding factors are renewed in idle time, and when jobs have to
// make room: a full batch takes eight of them.
constexpr int kDue = crypto::openssl::RsaPrivate::kUses / 4;
constexpr int kPressing = crypto::openssl::RsaPrivate::kUses / 8;
// So many renewals of a key may fail one after the other, and in so many batches its operations.
// What made the first one fail may have passed; after the last one it is in the key, and each
// further one would take a batch's time from the jobs of all keys.
constexpr int kMostFailures = 3;

std::size_t line_of(int tens) noexcept {
  return static_cast<std::size_t>(tens - crypto::batch::kMinRsaTens);
}

// finish_decryption answers `ok` and 48 bytes to everything: to a key that is gone, to a ciphertext
// of the wrong length and to one that says nothing, as to a good one.  [RFC 5246 7.4.7.1]
void finish_decryption(CryptoJob& job, ByteView decrypted) noexcept {
  crypto::choose_premaster(decrypted, job.premaster_version, job.shared_secret);
  job.shared_secret_len = crypto::kPremasterLen;
  job.status = JobStatus::ok;
}

}  // namespace

void run_rsa_alone(KeyStore& keys, CryptoJob& job) noexcept {
  crypto::openssl::Signer* const key = keys.find(job.credential);
  if (job.kind != JobKind::tls12_rsa_decrypt) {
    if (key == nullptr) return;
    job.signature_len = key->sign(job.scheme, content_of(job).view(), job.signature);
    return;
  }
  std::array<std::uint8_t, crypto::kMaxWide> decrypted{};
  std::size_t len = 0;
  if (key != nullptr && job.wide_len <= job.wide.size()) {
    len = key->decrypt_raw(ByteView{job.wide}.first(job.wide_len), decrypted);
  }
  finish_decryption(job, ByteView{decrypted}.first(len));
  wipe(decrypted);
}

RsaQueue::RsaQueue(const crypto::openssl::Context& context, KeyStore& keys)
    : context_{context}, keys_{keys}, lines_{std::make_unique<std::array<Line, kSizes>>()} {}

bool RsaQueue::add(CryptoJob& job) noexcept {
  const crypto::openssl::RsaPrivate* const rsa = find(job.credential);
  if (rsa == nullptr) return false;
  const crypto::batch::RsaKey& key = rsa->key();
  const bool known = job.kind == JobKind::tls12_rsa_decrypt
                         ? job.wide_len == key.bytes()
                         : crypto::rsa_encoding(job.scheme).known();
  Line& line = (*lines_)[line_of(key.tens)];
  if (!known || line.size() == kCapacity) return false;
  line.ring[line.tail++ % kCapacity] = {.job = &job, .number = arrived_++};
  ++waiting_;
  return true;
}

RsaQueue::Worked RsaQueue::work(Pace pace, Tsc now) noexcept {
  num_done_ = 0;
  Worked worked;
  bool has_drawn = false;
  if (renewing_ && waiting_ != 0 && renewal_can_wait()) give_up_renewal();
  if (in_work_ == 0 && !renewing_) {
    const bool begun = renewal_goes_first() && begin_renewal();
    if (!begun && waiting_ != 0) begin(pace, now);
    worked.batch = in_work_;
    has_drawn = renewing_;
  }
  // To draw the numbers of a renewal is a slice of its own.
  if ((in_work_ != 0 || renewing_) && !has_drawn) {
    const int slice = pace == Pace::slices ? kSlice[line_of(tens_)] : INT_MAX;
    if (kernel_.step(slice)) {
      if (renewing_) {
        worked.renewal = finish_renewal();
      } else {
        finish();
      }
    }
  }
  worked.jobs = std::span{done_}.first(num_done_);
  return worked;
}

void RsaQueue::begin(Pace pace, Tsc now) noexcept {
  std::size_t longest = kSizes;
  for (std::size_t i = 0; i < kSizes; ++i) {
    const Line& line = (*lines_)[i];
    if (line.size() != 0 &&
        (longest == kSizes || line.front().number < (*lines_)[longest].front().number)) {
      longest = i;
    }
  }
  Line& line = (*lines_)[longest];
  const bool few =
      line.size() < kLeastLanes[longest] && (pace == Pace::to_the_end || longest <= kLargestAlone);
  renewed_last_ = false;
  tens_ = static_cast<int>(longest) + crypto::batch::kMinRsaTens;
  while (line.size() != 0 && in_work_ < kLanes && num_done_ < kLanes) {
    CryptoJob& job = *line.front().job;
    const bool expired = job.deadline != Tsc{} && job.deadline < now;
    Ready ready = expired || few ? Ready::alone : load(job, in_work_);
    if (ready == Ready::later) {
      // The batch goes without it, or there is none, and its key is the one that is due.
      if (in_work_ != 0 || begin_renewal()) break;
      ready = Ready::alone;
    }
    ++line.head;
    --waiting_;
    if (ready == Ready::loaded) {
      owners_[in_work_++] = &job;
      continue;
    }
    if (expired) {
      job.status = JobStatus::expired;
    } else {
      run_rsa_alone(keys_, job);
    }
    give_back(job);
    if (!expired && pace == Pace::slices) break;
  }
  if (in_work_ != 0) kernel_.begin(std::span{lanes_}.first(in_work_));
}

crypto::openssl::RsaPrivate* RsaQueue::find(crypto::CredentialId id) noexcept {
  crypto::openssl::Signer* const signer = keys_.find(id);
  return signer == nullptr ? nullptr : signer->rsa();
}

void RsaQueue::nominate(crypto::CredentialId id, const crypto::openssl::RsaPrivate& key) noexcept {
  const crypto::openssl::RsaPrivate* const other = find(due_);
  if (other == nullptr || key.uses_left() < other->uses_left()) due_ = id;
}

bool RsaQueue::renewal_goes_first() noexcept {
  const crypto::openssl::RsaPrivate* const key = find(due_);
  if (key == nullptr) {
    due_ = {};
    return false;
  }
  return waiting_ == 0 || (key->uses_left() <= kPressing && !renewed_last_);
}

bool RsaQueue::renewal_can_wait() noexcept {
  const crypto::openssl::RsaPrivate* const key = find(due_);
  return key == nullptr || key->uses_left() > kPressing;
}

void RsaQueue::give_up_renewal() noexcept {
  kernel_.abandon();
  renewing_ = false;
  due_ = {};
}

bool RsaQueue::begin_renewal() noexcept {
  const crypto::openssl::RsaPrivate& key = *find(due_);
  renewing_ = key.begin_renewal(kernel_);
  tens_ = key.key().tens;
  if (!renewing_) due_ = {};
  return renewing_;
}

RsaQueue::Renewal RsaQueue::finish_renewal() noexcept {
  crypto::openssl::RsaPrivate* const key = find(due_);
  renewing_ = false;
  renewed_last_ = true;
  due_ = {};
  if (key == nullptr) {
    kernel_.abandon();
    return Renewal::none;
  }
  return key->finish_renewal(kernel_) ? Renewal::done : Renewal::failed;
}

RsaQueue::Ready RsaQueue::load(CryptoJob& job, std::size_t lane) noexcept {
  crypto::openssl::RsaPrivate* const found = find(job.credential);
  if (found == nullptr) return Ready::alone;  // there is nothing to do any more
  crypto::openssl::RsaPrivate& rsa = *found;
  if (rsa.failed_batches() >= kMostFailures) return Ready::alone;
  if (rsa.uses_left() <= kDue && rsa.failed_renewals() < kMostFailures) {
    nominate(job.credential, rsa);
  }
  if (rsa.uses_left() == 0) return rsa.failed_renewals() != 0 ? Ready::alone : Ready::later;
  const std::size_t width = rsa.key().bytes();
  const MutableBytes input = MutableBytes{buffers_[lane].input}.first(width);
  if (job.kind == JobKind::tls12_rsa_decrypt) {
    std::ranges::copy(ByteView{job.wide}.first(width), input.begin());
  } else {
    const crypto::RsaEncoding encoding = crypto::rsa_encoding(job.scheme);
    std::array<std::uint8_t, crypto::kMaxRsaSalt> drawn;
    const MutableBytes salt = MutableBytes{drawn}.first(crypto::rsa_salt_len(encoding));
    if (!salt.empty() && !crypto::openssl::draw_private(context_, salt)) return Ready::alone;
    crypto::encode_for_rsa(encoding, content_of(job).view(), salt, input);
  }
  lanes_[lane] = {.key = &rsa.key(),
                  .blinding = &rsa.next_blinding(),
                  .input = input,
                  .output = MutableBytes{buffers_[lane].output}.first(width)};
  return Ready::loaded;
}

void RsaQueue::finish() noexcept {
  const std::span lanes = std::span{lanes_}.first(in_work_);
  // A key may have gone since, and its blindings with it.
  for (std::size_t i = 0; i < in_work_; ++i) {
    if (find(owners_[i]->credential) == nullptr) lanes[i].blinding = nullptr;
  }
  kernel_.finish(lanes);
  for (std::size_t i = 0; i < in_work_; ++i) {
    CryptoJob& job = *owners_[i];
    const crypto::batch::RsaLane& lane = lanes[i];
    const ByteView result = lane.ok ? ByteView{lane.output} : ByteView{};
    if (lane.blinding != nullptr && !lane.refused) {
      crypto::openssl::RsaPrivate& key = *find(job.credential);
      if (lane.ok) {
        key.use_passed();
      } else {
        key.distrust_blindings();  // a fault may have reached them, too
      }
    }
    if (job.kind == JobKind::tls12_rsa_decrypt) {
      finish_decryption(job, result);
    } else {
      // Without one the job fails, as if there had been no key.
      std::ranges::copy(result, job.signature.begin());
      job.signature_len = static_cast<std::uint16_t>(result.size());
    }
    give_back(job);
  }
  in_work_ = 0;
  lanes_ = {};
  wipe_object(buffers_);
}

}  // namespace sallyport::offload
