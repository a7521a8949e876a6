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
  crypto::openssl::Signer* const signer = keys_.find(job.credential);
  if (signer == nullptr || signer->rsa() == nullptr) return false;
  const crypto::batch::RsaKey& key = signer->rsa()->key();
  const bool known = job.kind == JobKind::tls12_rsa_decrypt
                         ? job.wide_len == key.bytes()
                         : crypto::rsa_encoding(job.scheme).known;
  Line& line = (*lines_)[line_of(key.tens)];
  if (!known || line.size() == kCapacity) return false;
  line.ring[line.tail++ % kCapacity] = {.job = &job, .number = arrived_++};
  ++waiting_;
  return true;
}

RsaQueue::Worked RsaQueue::work(Pace pace, Tsc now) noexcept {
  num_done_ = 0;
  Worked worked;
  if (in_work_ == 0 && waiting_ != 0 && begin(pace, now)) worked.batch = in_work_;
  if (in_work_ != 0) {
    const int slice = pace == Pace::slices ? kSlice[line_of(tens_)] : INT_MAX;
    if (kernel_.step(slice)) finish();
  }
  worked.jobs = std::span{done_}.first(num_done_);
  return worked;
}

bool RsaQueue::begin(Pace pace, Tsc now) noexcept {
  std::size_t longest = kSizes;
  for (std::size_t i = 0; i < kSizes; ++i) {
    const Line& line = (*lines_)[i];
    if (line.size() != 0 &&
        (longest == kSizes || line.front().number < (*lines_)[longest].front().number)) {
      longest = i;
    }
  }
  Line& line = (*lines_)[longest];
  const bool alone =
      line.size() < kLeastLanes[longest] && (pace == Pace::to_the_end || longest <= kLargestAlone);
  tens_ = static_cast<int>(longest) + crypto::batch::kMinRsaTens;
  while (line.size() != 0 && in_work_ < kLanes && num_done_ < kLanes) {
    CryptoJob& job = *line.front().job;
    ++line.head;
    --waiting_;
    if (job.deadline != Tsc{} && job.deadline < now) {
      job.status = JobStatus::expired;
      give_back(job);
    } else if (alone || !load(job, in_work_)) {
      run_rsa_alone(keys_, job);
      give_back(job);
      if (pace == Pace::slices) break;
    } else {
      owners_[in_work_++] = &job;
    }
  }
  if (in_work_ == 0) return false;
  kernel_.begin(std::span{lanes_}.first(in_work_));
  return true;
}

// load makes a lane of a job.  False: the key has gone, or the system has no randomness.
bool RsaQueue::load(CryptoJob& job, std::size_t lane) noexcept {
  crypto::openssl::Signer* const signer = keys_.find(job.credential);
  if (signer == nullptr || signer->rsa() == nullptr) return false;
  crypto::openssl::RsaPrivate& rsa = *signer->rsa();
  // Lanes with the same key have a blinding each.
  const auto slot = static_cast<std::size_t>(
      std::ranges::count(std::span{lanes_}.first(lane), &rsa.key(), &crypto::batch::RsaLane::key));
  const std::span blindings = slot == 0 ? rsa.blindings() : rsa.blindings_in_use();
  if (blindings.empty()) return false;
  const std::size_t width = rsa.key().bytes();
  const MutableBytes input = MutableBytes{buffers_[lane].input}.first(width);
  if (job.kind == JobKind::tls12_rsa_decrypt) {
    std::ranges::copy(ByteView{job.wide}.first(width), input.begin());
  } else {
    const crypto::RsaEncoding encoding = crypto::rsa_encoding(job.scheme);
    std::array<std::uint8_t, crypto::kMaxTranscriptHash> drawn;
    const MutableBytes salt = MutableBytes{drawn}.first(crypto::rsa_salt_len(encoding));
    if (!salt.empty() && !crypto::openssl::draw_private(context_, salt)) return false;
    crypto::encode_for_rsa(encoding, content_of(job).view(), salt, input);
  }
  lanes_[lane] = {.key = &rsa.key(),
                  .blinding = &blindings[slot],
                  .input = input,
                  .output = MutableBytes{buffers_[lane].output}.first(width)};
  return true;
}

void RsaQueue::finish() noexcept {
  const std::span lanes = std::span{lanes_}.first(in_work_);
  // A key may have gone since, and its blindings with it.
  for (std::size_t i = 0; i < in_work_; ++i) {
    crypto::openssl::Signer* const signer = keys_.find(owners_[i]->credential);
    if (signer == nullptr || signer->rsa() == nullptr) lanes[i].blinding = nullptr;
  }
  kernel_.finish(lanes);
  for (std::size_t i = 0; i < in_work_; ++i) {
    CryptoJob& job = *owners_[i];
    const crypto::batch::RsaLane& lane = lanes[i];
    const ByteView result = lane.ok ? ByteView{lane.output} : ByteView{};
    // A fault may have reached the blinding, too.
    const bool faulty = !lane.ok && !lane.refused;
    if (faulty && lane.blinding != nullptr) keys_.find(job.credential)->rsa()->renew_blindings();
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
