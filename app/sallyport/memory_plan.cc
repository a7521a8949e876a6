#include "app/sallyport/memory_plan.h"

#include <algorithm>

#include "app/sallyport/fingerprint_list.h"
#include "lib/config/topology.h"
#include "lib/dpdk/frame_pool.h"
#include "lib/dpdk/port_queues.h"
#include "lib/frame/outbox.h"

namespace sallyport {
namespace {

constexpr std::uint32_t kEthernetHeader = 14;
// A mempool's cache may hold half as much again as its nominal size.
constexpr std::uint32_t kCached = dpdk::FramePool::kCachePerLcore * 3 / 2;
// A frame that was taken from a port or handed over between lcores, and is not kept yet.
constexpr std::uint32_t kInTransit = 2048;
// Frames that wait for one port to take them.
constexpr std::uint32_t kWaiting = 2 * frame::Outbox::kMaxFrames;
constexpr std::uint32_t kMinHeld = 1024;

// share is one worker's part of the appliance's `total`, with a quarter more because tuples do not
// spread evenly.
std::size_t share(std::size_t total, std::size_t num_workers) {
  return num_workers == 1 ? total : total / num_workers * 5 / 4 + 1;
}

}  // namespace

MemoryPlan plan_memory(const config::Config& config) {
  const auto num_workers = static_cast<std::uint32_t>(config.dataplane.io_lcores.size());
  std::uint32_t rx_fixed = kCached + kInTransit;  // of one worker
  std::uint32_t tx_fixed = kCached + frame::Outbox::kMaxFrames;
  std::uint16_t mtu = 0;
  for (const config::Port& port : config.ports) {
    // A SYN leaves as its own answer, so received frames wait to be sent, too.
    rx_fixed += port.rx_descriptors + port.tx_descriptors + kWaiting;
    tx_fixed += port.tx_descriptors + kWaiting;
    mtu = std::max(mtu, port.mtu);
  }
  MemoryPlan plan;
  plan.frame_len = static_cast<std::uint16_t>(mtu + kEthernetHeader);
  const std::uint32_t half = config.dataplane.frames_per_lcore / 2;
  const std::uint32_t rx = std::max(half, rx_fixed + kMinHeld);
  const std::uint32_t tx = std::max(half, tx_fixed + kMinHeld);
  plan.rx_frames = rx * num_workers;
  plan.tx_frames = tx * num_workers;
  plan.rx_pool_bytes = dpdk::FramePool::bytes_for({"", plan.rx_frames, plan.frame_len});
  plan.tx_pool_bytes = dpdk::FramePool::bytes_for({"", plan.tx_frames, plan.frame_len});
  // Pools do not fill their pages to the brim; rings and devices need some as well.
  constexpr std::size_t kOther = std::size_t{64} << 20;
  plan.dpdk_bytes = (plan.rx_pool_bytes + plan.tx_pool_bytes) / 16 * 17 + kOther;
  const std::size_t configured = std::size_t{config.dataplane.memory_megabytes} << 20;
  if (configured != 0) plan.dpdk_bytes = configured;

  worker::WorkerConfig& worker = plan.worker;
  worker.max_connections = share(config.dataplane.max_connections, num_workers);
  worker.max_handshakes = std::clamp<std::size_t>(worker.max_connections / 4, 64, 16'384);
  worker.max_message_buffers = std::clamp<std::size_t>(worker.max_connections / 16, 64, 1'024);
  worker.max_jobs = std::clamp<std::size_t>(worker.max_connections / 8, 64, 1'024);
  const bool asks_clients = std::ranges::any_of(config.listeners, [](const config::Listener& l) {
    return l.tls.client_certificates != config::ClientCertificates::off;
  });
  std::size_t tls_backends = 0;
  for (const config::Pool& pool : config.pools) {
    if (pool.tls) tls_backends += pool.backends.size();
  }
  worker.backends_speak_tls = tls_backends > 0;
  if (worker.backends_speak_tls) {
    worker.max_backend_handshakes = std::clamp<std::size_t>(worker.max_connections / 16, 64, 2'048);
    worker.tls_backends = std::min<std::size_t>(tls_backends, config::kMaxSessionPlaces);
  }
  worker.max_verify_jobs = asks_clients || worker.backends_speak_tls
                               ? std::clamp<std::size_t>(worker.max_connections / 64, 16, 256)
                               : 1;
  worker.max_known_clients = asks_clients ? worker.max_connections : 1;
  const bool introduces_clients = std::ranges::any_of(config.pools, [](const config::Pool& p) {
    return p.proxy_protocol != config::ProxyProtocol::off;
  });
  const bool counts_fingerprints = std::ranges::any_of(
      config.listeners, [](const config::Listener& l) { return l.tls.fingerprints; });
  // For all that may be in their handshake, and as many again whose backends keep us waiting.
  worker.max_hello_notes =
      introduces_clients || counts_fingerprints ? 2 * worker.max_handshakes : 1;
  worker.max_fingerprints = counts_fingerprints ? FingerprintList::kMaxRows : 1;
  const bool names_sessions = std::ranges::any_of(config.listeners, [](const config::Listener& l) {
    return l.tls.tickets.keeps_sessions() && l.tls.policy != config::TlsPolicy::modern;
  });
  if (names_sessions) plan.sessions = config.dataplane.max_sessions;
  worker.max_time_wait = std::clamp<std::size_t>(worker.max_connections, 4'096, 262'144);
  worker.max_syn_received = std::clamp<std::size_t>(worker.max_connections / 4, 1'024, 65'536);
  worker.max_rx_frames_held = rx - rx_fixed;
  worker.max_tx_frames_held = tx - tx_fixed;
  return plan;
}

}  // namespace sallyport
