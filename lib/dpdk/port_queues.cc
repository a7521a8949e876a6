#include "lib/dpdk/port_queues.h"

#include <algorithm>
#include <optional>

#include "lib/base/check.h"

namespace sallyport::dpdk {

using stats::DropReason;
using stats::Traffic;

PortQueues::PortQueues(const PortQueuesOptions& options)
    : options_{options},
      patience_{options.tsc_rate.ticks(kPatience)},
      outputs_{std::make_unique<Output[]>(options.ports.size())},
      outgoing_{options.mesh == nullptr
                    ? nullptr
                    : std::make_unique<Outgoing[]>(options.mesh->num_workers())} {
  SALLYPORT_CHECK(options.ports.size() <= kMaxPorts);
  SALLYPORT_CHECK(options.stats != nullptr);
}

bool PortQueues::flush(Tsc now) noexcept {
  bool room = true;
  for (std::size_t port = 0; port < options_.ports.size(); ++port) {
    Output& output = outputs_[port];
    if (output.num_waiting == 0) continue;
    const std::span<frame::Frame* const> waiting =
        std::span{output.waiting}.first(output.num_waiting);
    const std::size_t num = transmit(port, waiting, now);
    std::ranges::copy(waiting.subspan(num), output.waiting.begin());
    output.num_waiting -= num;
    if (output.num_waiting != 0 && now - output.moved > patience_) {
      output.stands = true;
      drop(std::span{output.waiting}.first(output.num_waiting));
      output.num_waiting = 0;
    }
    if (output.num_waiting > output.waiting.size() - frame::Outbox::kMaxFrames) room = false;
  }
  return room;
}

std::size_t PortQueues::receive(std::span<frame::Frame*> frames) noexcept {
  std::size_t num = 0;
  if (options_.mesh != nullptr) {
    // Handed-over frames are older than anything that a port still holds, but may not starve it.
    const std::size_t share = frames.size() - frames.size() / 2;
    for (std::uint16_t from = 0; from < options_.mesh->num_workers() && num < share; ++from) {
      if (from == options_.worker) continue;
      num += options_.mesh->ring(from, options_.worker).take(frames.subspan(num, share - num));
    }
    if (num != 0) options_.stats->traffic.count(Traffic::steered_in, num);
  }
  for (std::size_t i = 0; i < options_.ports.size() && num < frames.size(); ++i) {
    Port& port = *options_.ports[next_port_];
    if (++next_port_ == options_.ports.size()) next_port_ = 0;
    const std::size_t want = std::min<std::size_t>(port.burst(), frames.size() - num);
    const std::size_t got = port.receive(options_.worker, frames.subspan(num, want));
    if (got == 0) continue;
    const std::span<frame::Frame*> received = frames.subspan(num, got);
    std::uint64_t bytes = 0;
    for (const frame::Frame* f : received) bytes += f->len;
    options_.stats->traffic.count(Traffic::rx_frames, got);
    options_.stats->traffic.count(Traffic::rx_bytes, bytes);
    num += options_.mesh == nullptr ? got : keep_own(port, received);
  }
  return num;
}

// keep_own hands over what belongs to other workers and moves the rest to the front.
std::size_t PortQueues::keep_own(Port& port, std::span<frame::Frame*> frames) noexcept {
  std::size_t num_own = 0;
  for (frame::Frame* f : frames) {
    const std::uint16_t owner = owner_of(port, *f);
    if (owner == options_.worker) {
      frames[num_own++] = f;
      continue;
    }
    Outgoing& outgoing = outgoing_[owner];
    outgoing.frames[outgoing.size++] = f;
    if (outgoing.size == outgoing.frames.size()) hand_over(owner);
  }
  if (num_own != frames.size()) {
    for (std::uint16_t to = 0; to < options_.mesh->num_workers(); ++to) {
      if (outgoing_[to].size != 0) hand_over(to);
    }
  }
  return num_own;
}

std::uint16_t PortQueues::owner_of(Port& port, const frame::Frame& f) noexcept {
  std::uint32_t& num_verified = num_verified_[f.port.value];
  const bool trusted = port.steering() == Steering::hardware && num_verified >= kFramesToVerify;
  // A trusted device has brought every TCP segment here by our own hash; what it cannot see is the
  // connection that an ICMP error is about.
  if (trusted && f.rss_hash != 0) return options_.worker;
  const std::optional<FlowHash> flow = flow_hash(f.bytes());
  if (!flow) return options_.worker;
  const std::uint16_t owner = options_.reta.owner(flow->hash);
  if (port.steering() == Steering::hardware && flow->source == FlowSource::tcp) {
    ++num_verified;
    const bool same_hash = f.rss_hash == 0 || f.rss_hash == flow->hash;
    if (owner != options_.worker || !same_hash) port.distrust();
  }
  return owner;
}

void PortQueues::hand_over(std::uint16_t to) noexcept {
  Outgoing& outgoing = outgoing_[to];
  const std::span<frame::Frame* const> frames = std::span{outgoing.frames}.first(outgoing.size);
  const std::size_t num = options_.mesh->ring(options_.worker, to).put(frames);
  if (num != 0) options_.stats->traffic.count(Traffic::steered_out, num);
  if (num != frames.size()) {
    options_.stats->drops.count(DropReason::steer_ring_full, frames.size() - num);
    FramePool::release(frames.subspan(num));
  }
  outgoing.size = 0;
}

void PortQueues::send(std::span<frame::Frame* const> frames, Tsc now) noexcept {
  if (frames.empty()) return;
  std::array<frame::Frame*, frame::Outbox::kMaxFrames> chosen;
  std::size_t num_all = 0;
  for (std::size_t port = 0; port < options_.ports.size(); ++port) {
    std::size_t num_chosen = 0;
    for (frame::Frame* f : frames) {
      if (f->port.value == port) chosen[num_chosen++] = f;
    }
    if (num_chosen == 0) continue;
    num_all += num_chosen;
    const std::span<frame::Frame* const> own = std::span{chosen}.first(num_chosen);
    options_.ports[port]->prepare(options_.worker, own);
    Output& output = outputs_[port];
    // Order is kept: nothing overtakes what waits.
    const std::size_t num = output.num_waiting == 0 ? transmit(port, own, now) : 0;
    const std::span<frame::Frame* const> rest = own.subspan(num);
    if (output.stands) {
      drop(rest);
      continue;
    }
    if (output.num_waiting == 0) output.moved = now;
    std::ranges::copy(rest,
                      output.waiting.begin() + static_cast<std::ptrdiff_t>(output.num_waiting));
    output.num_waiting += rest.size();
  }
  if (num_all != frames.size()) [[unlikely]]
    drop_portless(frames);
}

// drop_portless gives back frames for a port that does not exist: an invariant of the processor's.
void PortQueues::drop_portless(std::span<frame::Frame* const> frames) noexcept {
  for (frame::Frame* f : frames) {
    if (f->port.value < options_.ports.size()) continue;
    options_.stats->drops.count(DropReason::internal_error);
    FramePool::release(std::span{&f, 1});
  }
}

std::size_t PortQueues::transmit(std::size_t port, std::span<frame::Frame* const> frames,
                                 Tsc now) noexcept {
  // The driver may free a frame as it takes it, so its length is read before.
  std::array<std::uint16_t, 2 * frame::Outbox::kMaxFrames> lengths;
  for (std::size_t i = 0; i < frames.size(); ++i) lengths[i] = frames[i]->len;
  const std::size_t num = options_.ports[port]->transmit(options_.worker, frames);
  if (num == 0) return 0;
  outputs_[port].moved = now;
  outputs_[port].stands = false;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < num; ++i) bytes += lengths[i];
  options_.stats->traffic.count(Traffic::tx_frames, num);
  options_.stats->traffic.count(Traffic::tx_bytes, bytes);
  return num;
}

void PortQueues::drop(std::span<frame::Frame* const> frames) noexcept {
  if (frames.empty()) return;
  options_.stats->drops.count(DropReason::tx_full, frames.size());
  FramePool::release(frames);
}

bool PortQueues::output_waits() const noexcept {
  for (std::size_t port = 0; port < options_.ports.size(); ++port) {
    if (outputs_[port].num_waiting != 0) return true;
  }
  return false;
}

void PortQueues::release_all() noexcept {
  for (std::size_t port = 0; port < options_.ports.size(); ++port) {
    drop(std::span{outputs_[port].waiting}.first(outputs_[port].num_waiting));
    outputs_[port].num_waiting = 0;
  }
}

}  // namespace sallyport::dpdk
