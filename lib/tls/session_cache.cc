#include "lib/tls/session_cache.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <span>

#include "lib/base/secret.h"

namespace sallyport::tls {
namespace {

using Word = std::uint64_t;

template <std::size_t kLen>
using Words = std::array<std::atomic<Word>, (kLen + sizeof(Word) - 1) / sizeof(Word)>;

// Readers and writers meet in these words, so each is atomic by itself; what makes them one value
// is the sequence number around them.
template <std::size_t kCount>
void store_words(std::array<std::atomic<Word>, kCount>& to, ByteView bytes) noexcept {
  for (std::size_t i = 0; i * sizeof(Word) < bytes.size(); ++i) {
    const ByteView part = bytes.subspan(i * sizeof(Word));
    Word word = 0;
    std::memcpy(&word, part.data(), std::min(part.size(), sizeof(Word)));
    to[i].store(word, std::memory_order_relaxed);
  }
}
template <std::size_t kCount>
void load_words(const std::array<std::atomic<Word>, kCount>& from, MutableBytes bytes) noexcept {
  for (std::size_t i = 0; i * sizeof(Word) < bytes.size(); ++i) {
    const MutableBytes part = bytes.subspan(i * sizeof(Word));
    const Word word = from[i].load(std::memory_order_relaxed);
    std::memcpy(part.data(), &word, std::min(part.size(), sizeof(Word)));
  }
}

}  // namespace

struct alignas(64) SessionCache::Entry {
  std::atomic<Word> sequence{0};  // odd while somebody writes
  std::atomic<Word> ticket_len{0};
  std::atomic<Word> ends_ms{0};
  Words<kIdLen> id{};
  Words<kNamingTicketLen> ticket{};
};

SessionCache::SessionCache(std::size_t sessions)
    : size_{std::max<std::size_t>(sessions, 1)}, entries_{new (std::nothrow) Entry[size_]} {
  static_assert(sizeof(Entry) == kBytesPerSession);
}

SessionCache::~SessionCache() = default;

SessionCache::Id SessionCache::draw_id(Random& random) noexcept {
  Id id;
  random.fill(id);
  return id;
}

SessionCache::Mark SessionCache::mark_of(ByteView id) noexcept {
  Mark mark;
  std::ranges::copy(id.first(mark.size()), mark.begin());
  return mark;
}

// IDs are random, so a part of one is as good as a hash; and where a session lies tells nothing of
// how many there are.
SessionCache::Entry& SessionCache::place_of(const Mark& mark) const noexcept {
  return entries_[std::uint64_t{load<Be32>(mark).host()} * size_ >> 32U];
}

// change has write(entry) done unless somebody else is at it.
template <class Write>
void SessionCache::change(Entry& entry, Write&& write) noexcept {
  Word sequence = entry.sequence.load(std::memory_order_relaxed);
  if (sequence % 2 != 0 ||
      !entry.sequence.compare_exchange_strong(sequence, sequence + 1, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
    return;
  }
  // Who sees a word that is written from here on sees the odd number as well.
  std::atomic_thread_fence(std::memory_order_release);
  write(entry);
  entry.sequence.store(sequence + 2, std::memory_order_release);
}

void SessionCache::keep(ByteView id, ByteView ticket, std::uint64_t ends_ms) noexcept {
  if (id.size() != kIdLen || ticket.size() > kNamingTicketLen) return;
  change(place_of(mark_of(id)), [&](Entry& entry) noexcept {
    store_words(entry.id, id);
    store_words(entry.ticket, ticket);
    entry.ticket_len.store(ticket.size(), std::memory_order_relaxed);
    entry.ends_ms.store(ends_ms, std::memory_order_relaxed);
  });
}

// Precondition: within change().
void SessionCache::clear(Entry& entry) noexcept {
  for (auto& word : entry.ticket) word.store(0, std::memory_order_relaxed);
  entry.ticket_len.store(0, std::memory_order_relaxed);
}

void SessionCache::forget(const Mark& mark) noexcept {
  if (mark == kNoMark) return;
  const auto is_marked = [&mark](const Entry& entry) noexcept {
    Mark kept;
    load_words(entry.id, kept);
    return kept == mark;
  };
  Entry& entry = place_of(mark);
  // Who has nothing to change must not keep others from it.
  if (!is_marked(entry)) return;
  change(entry, [&](Entry& found) noexcept {
    if (is_marked(found)) clear(found);
  });
}

void SessionCache::forget_expired(std::uint64_t unix_ms) noexcept {
  const auto is_over = [unix_ms](const Entry& entry) noexcept {
    return entry.ticket_len.load(std::memory_order_relaxed) != 0 &&
           entry.ends_ms.load(std::memory_order_relaxed) <= unix_ms;
  };
  for (Entry& entry : std::span{entries_.get(), size_}) {
    if (!is_over(entry)) continue;
    change(entry, [&](Entry& found) noexcept {
      if (is_over(found)) clear(found);
    });
  }
}

ByteView SessionCache::find(ByteView id, TicketRoom room) const noexcept {
  if (id.size() != kIdLen) return {};
  const Entry& entry = place_of(mark_of(id));
  const Word sequence = entry.sequence.load(std::memory_order_acquire);
  if (sequence % 2 != 0) return {};
  Id kept;
  load_words(entry.id, kept);
  if (!equal_ct(kept, id)) return {};
  const Word len = entry.ticket_len.load(std::memory_order_relaxed);
  if (len > room.size()) return {};
  const MutableBytes ticket = room.first(len);
  load_words(entry.ticket, ticket);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (entry.sequence.load(std::memory_order_relaxed) != sequence) return {};
  return ticket;
}

}  // namespace sallyport::tls
