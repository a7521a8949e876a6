// Plaintext both ways, back-pressure between the sides, and how one side's end becomes the other's.
//
// Back-pressure.  What one side may send is what we can hold for it: its own bytes that wait here
// plus those that the other side has not acknowledged.  Nothing is dropped for want of room.
//
// Ends.  close_notify of the client -> FIN to the backend, whose answer still flows.  FIN of the
// backend -> close_notify and FIN to the client.  FIN of the client without close_notify may be a
// truncation: the backend gets RST.  RST of one side -> RST to the other.  Where the backend is
// spoken to in TLS, its close_notify says what FIN does elsewhere; its FIN without one may be a
// truncation, too, and the client gets the same.
#include <algorithm>
#include <array>

#include "lib/tcp/close.h"
#include "lib/tcp/options.h"
#include "lib/tcp/output.h"
#include "lib/tcp/receive.h"
#include "lib/tls/pieces.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::CloseCause;
using stats::HandshakeStage;
using stats::Traffic;

namespace {

// From this many bytes on without a pause a transfer is bulk.
constexpr std::uint32_t kBulkFrom = 64 * 1024;
constexpr Nanos kBulkPause = seconds{1};
// New connections are accepted while so many frames for sending are left: the handshakes of a few.
constexpr std::uint32_t kReserveForAnother = 16;
// A window that a backend can live with.  A client needs one for a whole record.
constexpr std::uint32_t kSmallestShare = 8 * 1024;
constexpr std::uint32_t kUsualPayload = 1'448;
// The largest record in the smallest segments that we send.
constexpr std::size_t kMaxRecordFrames = std::min(
    (tls::kMaxRecord + 64) / (tcp::kSmallestMss - tcp::kTimestampsLength) + 1, tls::kMaxPieces);

// The limit of a send queue whose congestion window says nothing yet.
constexpr std::uint32_t kInitialSendBuffer = 262'144;

}  // namespace

const snapshot::Limits& Worker::limits(const Connection& c) const noexcept {
  return (*snapshot_->listeners)[c.listener].limits;
}

bool Worker::frames_are_scarce() const noexcept {
  return held_.tx_held >= config_.max_tx_frames_held / 16 * 15 ||
         held_.rx_held >= config_.max_rx_frames_held / 16 * 15;
}

bool Worker::has_frames_for_another() const noexcept {
  const std::uint32_t limit = config_.max_tx_frames_held;
  const std::uint32_t reserve = std::max(kReserveForAnother, limit / 256);
  return held_.tx_held + reserve <= limit && held_.rx_held < config_.max_rx_frames_held / 16 * 15;
}

bool Worker::holds_scarce_frames(const Side& side, std::uint32_t allowed) const noexcept {
  return held_.rx_held >= config_.max_rx_frames_held / 4 * 3 &&
         side.input.num_frames() + side.out_of_order.num_nodes() > allowed;
}

std::uint32_t Worker::receive_share() const noexcept {
  const std::uint32_t limit = config_.max_rx_frames_held;
  const std::uint32_t left = limit - std::min(limit, held_.rx_held);
  // Generous while most are free, so that large windows are possible; then so little that thousands
  // who let it lie leave something.
  const std::uint32_t frames = left > limit / 2 ? left / 16 : left / 256;
  return std::max(frames * kUsualPayload, kSmallestShare);
}

std::uint32_t Worker::send_limit(const Connection& c, const Side& side) const noexcept {
  // What one window holds, and as much again to be sent when it is acknowledged.
  return std::min(limits(c).send_buffer,
                  std::max(kInitialSendBuffer, 2 * side.tcb.congestion.cwnd));
}

std::uint32_t Worker::frames_left() const noexcept {
  const std::uint32_t limit = config_.max_tx_frames_held;
  return limit - std::min(limit, held_.tx_held);
}

std::size_t Worker::frames_for(const SendQueue& queue) const noexcept {
  const std::uint32_t left = frames_left();
  if (queue.empty()) return left;
  // [Choudhury and Hahne 1998] Nobody may have more than a part of what is left: those who take all
  // they can get meet where something always is.
  const std::uint32_t share = left / 16;
  return share - std::min(share, queue.num_frames());
}

// --- Client to backend -------------------------------------------------------------------------

bool Worker::can_deliver(const Connection& c, std::size_t len, const Turn& turn) const noexcept {
  if (!c.backend.has_tcp()) return true;  // then it is discarded
  if (const BackendLeg* leg = leg_of(c)) {
    const BackendHandshake* const state = backend_handshakes_.get(leg->handshake);
    if (!leg->tls.can_seal(state == nullptr ? nullptr : &state->tls)) return false;
    len += tls::kMaxRecordOverhead;
  }
  return can_append(c, len, turn);
}

bool Worker::can_append(const Connection& c, std::size_t len, const Turn& turn) const noexcept {
  const std::size_t frames = len / c.backend.tcb.snd_mss + 2;
  return c.backend.send.bytes() + len <= send_limit(c, c.backend) &&
         turn.out.frame_credit() >= frames && frames_for(c.backend.send) >= frames;
}

void Worker::deliver(Connection& c, std::span<const MutableBytes> record, tls::ContentRange range,
                     Turn& turn) noexcept {
  stats_.traffic.count(Traffic::client_plaintext_bytes, range.len);
  if (!c.backend.has_tcp() || c.backend_fin_queued) return;
  if (BackendLeg* leg = leg_of(c)) {
    if (!deliver_sealed(c, *leg, record, range, turn)) end_broken(c, turn);
    return;
  }
  std::size_t skip = range.offset;
  std::size_t left = range.len;
  for (const MutableBytes piece : record) {
    if (skip >= piece.size()) {
      skip -= piece.size();
      continue;
    }
    ByteView text = ByteView{piece}.subspan(skip);
    text = text.first(std::min(text.size(), left));
    skip = 0;
    left -= text.size();
    append_to_backend(c, text, turn);
    if (left == 0) break;
  }
}

void Worker::append_to_backend(Connection& c, ByteView bytes, Turn& turn) noexcept {
  Side& backend = c.backend;
  const std::uint16_t mss = backend.tcb.snd_mss;
  while (!bytes.empty()) {
    frame::Frame* last = backend.growing_frame();
    if (last == nullptr) {
      last = &turn.out.take(kHeadRoom);
      backend.send.push_back(*last, turn);
    }
    const Chunk chunk = Chunk::of(*last);
    const std::size_t n = std::min<std::size_t>(bytes.size(), mss - chunk.len);
    std::ranges::copy(bytes.first(n), last->buffer + chunk.offset + chunk.len);
    backend.send.grow_back(static_cast<std::uint16_t>(n));
    bytes = bytes.subspan(n);
  }
}

// --- Backend to client -------------------------------------------------------------------------

std::size_t Worker::plaintext_len(const Connection& c) const noexcept {
  const BackendLeg* const leg = leg_of(c);
  return leg == nullptr ? c.backend.input.size() : leg->plaintext;
}

void Worker::consume_plaintext(Connection& c, std::size_t len, Turn& turn) noexcept {
  c.backend.input.consume(len, turn);
  BackendLeg* const leg = leg_of(c);
  if (leg == nullptr) return;
  leg->plaintext = static_cast<std::uint16_t>(leg->plaintext - len);
  if (leg->plaintext > 0) return;
  c.backend.input.consume(leg->trailer, turn);
  leg->trailer = 0;
}

void Worker::end_broken(Connection& c, Turn& turn) noexcept {
  stats_.drops.count(stats::DropReason::internal_error);
  count_close(c, CloseCause::internal_error);
  abort_backend(c, turn);
  reset_side(c.client, turn);
}

void Worker::seal_plaintext(Connection& c, Turn& turn) noexcept {
  BackendLeg* const leg = leg_of(c);
  for (;;) {
    if (!c.client.has_tcp()) {
      // Nobody will hear it; records are not even opened any more.
      c.backend.input.clear(turn);
      if (leg != nullptr) {
        leg->plaintext = leg->trailer = 0;
        leg->await = tls::Await::nothing;
      }
      return;
    }
    if (leg != nullptr) open_backend_records(c, *leg, turn);
    if (plaintext_len(c) == 0 || !c.tls.can_seal(handshake_of(c))) return;
    const std::size_t mss = c.client.tcb.snd_mss;
    if (turn.out.frame_credit() == 0) {
      mark_ready(c);
      return;
    }
    // Scarce received frames are no reason to wait: sealing is what sets them free.
    if (frames_for(c.client.send) == 0) {
      if (c.client.send.empty()) mark_ready(c);  // else an ACK comes
      return;
    }
    if (c.client.send.bytes() + mss > send_limit(c, c.client)) return;
    const std::size_t sealed = seal_record(c, turn);
    if (sealed == 0) return end_broken(c, turn);
    stats_.traffic.count(Traffic::backend_plaintext_bytes, sealed);
    if (!c.bytes_to_client) {
      c.bytes_to_client = true;
      pass_stage(c, HandshakeStage::first_byte_to_client, turn.now);
    }
  }
}

// segments_to_seal is how many segments may be filled at once.
std::size_t Worker::segments_to_seal(Connection& c, std::size_t mss, const Turn& turn) noexcept {
  const std::size_t room = send_limit(c, c.client) - c.client.send.bytes();
  // However empty its queue is, a peer that takes little at a time gets no more than its share.
  const std::size_t share = std::max(frames_left() / 16, 1U);
  return std::max<std::size_t>(
      std::min({room / mss, turn.out.frame_credit(), frames_for(c.client.send), share}), 1);
}

std::size_t Worker::seal_record(Connection& c, Turn& turn) noexcept {
  InputQueue& input = c.backend.input;
  const std::size_t overhead = c.tls.record_overhead();
  const std::size_t mss = std::max<std::size_t>(c.client.tcb.snd_mss, overhead + 1);
  if (c.tls.max_fragment() + overhead < mss) return seal_short_records(c, turn);
  if (turn.now - c.stage_at > config_.tsc_rate.ticks(kBulkPause)) c.sealed_since_pause = 0;
  if (c.bytes_to_client) c.stage_at = turn.now;
  // Where segments are small, records of their own would be mostly overhead.
  if (c.tls.seals_side_by_side() && mss >= 4 * overhead) return seal_burst(c, mss, turn);
  // At first one record is one segment: it can be used as soon as it arrives, and a lost segment
  // holds up nothing but itself.  A transfer in bulk gains more from fewer records.
  std::size_t num_frames = 1;
  if (c.sealed_since_pause >= kBulkFrom) {
    const std::size_t most = std::min(c.tls.max_fragment(), plaintext_len(c)) + overhead;
    num_frames = std::clamp<std::size_t>(most / mss, 1, segments_to_seal(c, mss, turn));
  }
  const std::size_t len = std::min(num_frames * mss - overhead, plaintext_len(c));
  std::array<MutableBytes, InputQueue::kMaxPieces> pieces_room;
  std::array<ByteView, InputQueue::kMaxPieces> plaintext;
  const auto pieces = input.pieces(len, pieces_room);
  std::ranges::copy(pieces, plaintext.begin());
  std::array<frame::Frame*, kMaxRecordFrames> frames;
  std::array<MutableBytes, kMaxRecordFrames> out;
  std::size_t left = c.tls.record_len(len);
  for (std::size_t i = 0; i < num_frames; ++i) {
    frame::Frame& f = turn.out.take(kHeadRoom);
    f.len = static_cast<std::uint16_t>(std::min(left, mss));
    left -= f.len;
    frames[i] = &f;
    out[i] = f.bytes();
  }
  const std::size_t sealed =
      c.tls.seal(tls_, std::span{plaintext}.first(pieces.size()), std::span{out}.first(num_frames));
  c.client.send.push_back_first(sealed == 0 ? 0 : num_frames, std::span{frames}.first(num_frames),
                                turn);
  if (sealed == 0) return 0;
  stats_.traffic.count(Traffic::records_sealed);
  consume_plaintext(c, len, turn);
  c.sealed_since_pause =
      static_cast<std::uint32_t>(std::min<std::size_t>(c.sealed_since_pause + len, kBulkFrom));
  return len;
}

// seal_burst seals a record for each of several segments, where that costs less than a long one.
std::size_t Worker::seal_burst(Connection& c, std::size_t mss, Turn& turn) noexcept {
  InputQueue& input = c.backend.input;
  const std::size_t each = mss - c.tls.record_overhead();
  const std::size_t most = std::min(tls::kMaxBurst, segments_to_seal(c, mss, turn)) * each;
  std::array<MutableBytes, InputQueue::kMaxPieces> pieces_room;
  const std::span<const MutableBytes> pieces =
      input.pieces(std::min(most, plaintext_len(c)), pieces_room);
  const std::size_t len = tls::total_len(pieces);  // what lies in more pieces is for the next burst
  const std::size_t num_frames = (len + each - 1) / each;
  std::array<frame::Frame*, tls::kMaxBurst> frames;
  std::array<tls::InPlaceRecord, tls::kMaxBurst> records;
  for (std::size_t i = 0; i < num_frames; ++i) {
    const std::size_t at = i * each;
    const std::size_t record_len = std::min(len - at, each);
    frame::Frame& f = turn.out.take(kHeadRoom);
    f.len = static_cast<std::uint16_t>(c.tls.record_len(record_len));
    tls::PieceRange{pieces, at, record_len}.copy_to(f.bytes().subspan(c.tls.plaintext_offset()));
    frames[i] = &f;
    records[i] = {f.bytes(), record_len};
  }
  const std::size_t num_sealed = c.tls.seal_each(tls_, std::span{records}.first(num_frames));
  c.client.send.push_back_first(num_sealed, std::span{frames}.first(num_frames), turn);
  if (num_sealed == 0) return 0;
  const std::size_t sealed = std::min(num_sealed * each, len);
  stats_.traffic.count(Traffic::records_sealed, num_sealed);
  consume_plaintext(c, sealed, turn);
  return sealed;
}

// seal_short_records fills one segment for a client whose records must be shorter than that.  One
// of them in each would make a frame of ours out of 63 bytes.
std::size_t Worker::seal_short_records(Connection& c, Turn& turn) noexcept {
  InputQueue& input = c.backend.input;
  const std::size_t overhead = c.tls.record_overhead();
  const std::size_t mss = c.client.tcb.snd_mss;
  frame::Frame& f = turn.out.take(kHeadRoom);
  f.len = static_cast<std::uint16_t>(mss);
  std::size_t used = 0;
  std::size_t sealed = 0;
  while (plaintext_len(c) > 0 && used + overhead < mss && c.tls.can_seal(handshake_of(c))) {
    const std::size_t len =
        std::min({c.tls.max_fragment(), mss - used - overhead, plaintext_len(c)});
    std::array<MutableBytes, InputQueue::kMaxPieces> pieces_room;
    std::array<ByteView, InputQueue::kMaxPieces> plaintext;
    const auto pieces = input.pieces(len, pieces_room);
    std::ranges::copy(pieces, plaintext.begin());
    const std::size_t record_len =
        c.tls.seal(tls_, std::span{plaintext}.first(pieces.size()), f.bytes().subspan(used));
    if (record_len == 0) break;
    stats_.traffic.count(Traffic::records_sealed);
    consume_plaintext(c, len, turn);
    used += record_len;
    sealed += len;
  }
  f.len = static_cast<std::uint16_t>(used);
  if (used == 0) {
    turn.out.untake(f);
  } else {
    c.client.send.push_back(f, turn);
  }
  return sealed;
}

// --- Ends --------------------------------------------------------------------------------------

void Worker::pass_on_ends(Connection& c, Turn& turn) noexcept {
  pass_on_client_end(c, turn);
  pass_on_backend_end(c, turn);
  // The client ended TCP.  Records that are complete are used first; an end without close_notify
  // may have been forged or cut off.
  if (c.client.in_use && c.client.peer_closed && !c.tls.peer_closed() && c.phase != Phase::ending &&
      !has_whole_record(c.client.input)) {
    count_close(c, CloseCause::client_fin);
    abort_backend(c, turn);
    finish_client(c, Phase::ending, turn);
  }
  // The client has left.  A backend that was not told so by FIN is told by RST.
  if (!c.client.in_use && !c.backend_fin_queued) abort_backend(c, turn);
  if (c.client_finishing) close_client(c, turn);
}

// The client said close_notify, and all of its data is queued for the backend.
void Worker::pass_on_client_end(Connection& c, Turn& turn) noexcept {
  if (c.phase != Phase::relaying || !c.tls.peer_closed() || !c.backend.has_tcp() ||
      c.backend_fin_queued) {
    return;
  }
  // [RFC 8446 6.1 except] Who has closed TCP does not read our close_notify, and would answer with
  // a RST.
  const bool hears = !c.backend.peer_closed;
  if (BackendLeg* leg = leg_of(c); leg != nullptr && hears) {
    leg->tls.close();
    pull_backend_output(c, *leg, turn);
    if (leg->tls.has_output(handshake_of(*leg))) return;  // again when there is credit
  }
  c.backend_fin_queued = true;
  count_close(c, CloseCause::client_close_notify);
  (void)tcp::close(c.backend.tcb);
  c.phase_deadline = turn.now + limits(c).half_close;
}

// The backend closed, and all of its data is sealed.
void Worker::pass_on_backend_end(Connection& c, Turn& turn) noexcept {
  BackendLeg* const leg = leg_of(c);
  if (c.client_finishing) return;
  if (leg == nullptr || leg->has_ended) {
    const bool has_closed = leg != nullptr || (c.backend.peer_closed && c.backend.input.empty());
    if (c.phase != Phase::relaying || !has_closed) return;
    count_close(c, CloseCause::backend_fin);
    finish_client(c, Phase::relaying, turn);  // the client may still have something to say
    return;
  }
  // [RFC 8446 6.1] A FIN alone may come from anybody.  As long as a record, a job or the client's
  // window is waited for, there may be more to come before it; not where TCP is over altogether.
  const bool may_say_more =
      c.backend.in_use && (leg->await != tls::Await::peer || has_whole_record(c.backend.input));
  if (!c.backend.peer_closed || leg->plaintext > 0 || may_say_more) return;
  if (c.phase == Phase::connecting) {
    on_backend_tls_failed(c, *leg, stats::BackendTlsFailure::closed);
  } else if (c.phase == Phase::relaying) {
    count_close(c, CloseCause::backend_truncated);
    abort_backend(c, turn);
    c.cut_off = true;
    finish_client(c, Phase::ending, turn);
  }
}

bool Worker::has_whole_record(const InputQueue& input) noexcept {
  if (input.size() < tls::kRecordHeader) return false;
  std::array<std::uint8_t, tls::kRecordHeader> header;
  input.peek(header);
  return input.size() >= tls::RecordLayer::record_size(header);
}

void Worker::abort_backend(Connection& c, Turn& turn) noexcept { reset_side(c.backend, turn); }

void Worker::finish_client(Connection& c, Phase next, Turn& turn) noexcept {
  c.phase = next;
  c.phase_deadline = turn.now + limits(c).half_close;
  c.client_finishing = true;
  // Nobody will use what the client has sent; kept, it would keep the connection.
  if (next == Phase::ending) {
    c.client.input.clear(turn);
    forget_notes(c);
  }
  if (!c.cut_off) c.tls.close();  // no effect behind a fatal alert
  mark_ready(c);
}

void Worker::close_client(Connection& c, Turn& turn) noexcept {
  if (!c.client.has_tcp() || c.client_fin_queued) return;
  pull_tls_output(c, turn);
  if (c.tls.has_output(handshake_of(c))) return;  // again when there is credit
  c.client_fin_queued = true;
  (void)tcp::close(c.client.tcb);
}

// --- Room --------------------------------------------------------------------------------------

void Worker::offer_room(Connection& c) noexcept {
  // While received frames are scarce no window grows of those who hold some, except to the end of a
  // record, without which those of one would never be set free; what was promised stands.  Frames
  // to be sent have their own limit, which must not stop those who hold none.
  const bool are_scarce = held_.rx_held >= config_.max_rx_frames_held / 16 * 15;
  const std::uint32_t share = receive_share();
  const auto offer = [&](Side& side, std::uint32_t limit, std::size_t held) {
    if (!side.has_tcp()) return;
    const bool is_scarce = are_scarce || holds_scarce_frames(side, 0);
    std::uint32_t most = share;
    if (!comes_in_records(c, side)) {
      if (is_scarce) return;
    } else {
      // A window grows by a segment or not at all, so one that ended with a record would hold back
      // its last part for ever.
      const auto record = static_cast<std::uint32_t>(tls::kMaxRecord) + side.tcb.our_mss;
      most = is_scarce ? record : std::max(share, record);
      limit = std::max(limit, record);
    }
    limit = std::min(tcp::receive_window(side.tcb, limit), most);
    const auto used = static_cast<std::uint32_t>(std::min<std::size_t>(held, limit));
    tcp::set_receive_room(side.tcb, limit - used);
  };
  const snapshot::Limits& l = limits(c);
  offer(c.client, l.client_receive_buffer, c.client.input.size() + c.backend.send.bytes());
  offer(c.backend, l.backend_receive_buffer, c.backend.input.size() + c.client.send.bytes());
}

}  // namespace sallyport::worker
