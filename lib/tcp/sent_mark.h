// What a sender remembers about each chunk of its queue that was sent, and the queue as lib/tcp
// sees it.  The caller owns the queue: its chunks lie in whatever holds their bytes.
#pragma once
#include <concepts>
#include <cstdint>

#include "lib/tcp/seq.h"
#include "lib/tcp/time.h"

namespace sallyport::tcp {

// SentMark belongs to one chunk, means something below SND.NXT only, and starts out as SentMark{}.
struct SentMark {
  union {
    Stamp sent_at = {};  // its latest transmission (RFC 8985 section 5.2, xmit_ts)
    std::int32_t run;    // once it is `sacked`: room for the queue to keep run_end() in
  };
  std::uint16_t resent = 0;  // bytes of a lost chunk that went out again so far, when a smaller
                             // MSS makes several segments of it
  bool retransmitted : 1 = false;  // sent more than once
  bool lost : 1 = false;           // taken for lost, and not (entirely) sent again since
  bool sacked : 1 = false;         // reported by a SACK block, not yet by SEG.ACK
};
static_assert(sizeof(SentMark) == 8);

// SegmentQueue is the send queue: chunks in the order of their bytes, none empty, the first one
// holds SND.UNA or begins there.  A chunk is not cut or grown once it was sent.
template <class Q>
concept SegmentQueue = requires(Q& queue, typename Q::Node& chunk, SeqNum seq, SentMark mark) {
  { queue.first_chunk() } -> std::same_as<typename Q::Node*>;
  // chunk_at: the one that holds `seq`, nullptr at and beyond the end.
  { queue.chunk_at(seq) } -> std::same_as<typename Q::Node*>;
  { queue.end() } -> std::convertible_to<SeqNum>;
  { Q::next(chunk) } -> std::same_as<typename Q::Node*>;
  { Q::seq(chunk) } -> std::convertible_to<SeqNum>;
  { Q::len(chunk) } -> std::convertible_to<std::uint32_t>;
  { Q::mark(chunk) } -> std::convertible_to<SentMark>;
  Q::set_mark(chunk, mark);
  // run_end: while `chunk` is sacked, what set_run_end said last: itself, or a chunk behind it.
  { Q::run_end(chunk) } -> std::same_as<typename Q::Node*>;
  Q::set_run_end(chunk, chunk);
};

}  // namespace sallyport::tcp
