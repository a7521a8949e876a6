#include "app/sallyport/dataplane.h"

#include <sys/random.h>

#include <algorithm>
#include <string>

#include "app/sallyport/profile.h"
#include "lib/base/secret.h"
#include "lib/frame/toeplitz.h"

namespace sallyport {
namespace {

dpdk::HugePages huge_pages_of(config::HugePages from) {
  switch (from) {
    case config::HugePages::automatic:
      return dpdk::HugePages::automatic;
    case config::HugePages::on:
      return dpdk::HugePages::on;
    case config::HugePages::off:
      return dpdk::HugePages::off;
  }
  return dpdk::HugePages::automatic;
}

}  // namespace

Dataplane::Failure Dataplane::open() {
  dpdk::EalOptions options;
  options.instance = config_.dataplane.name;
  options.lcores.assign(config_.dataplane.io_lcores.begin(), config_.dataplane.io_lcores.end());
  options.huge_pages = huge_pages_of(config_.dataplane.huge_pages);
  options.memory_bytes = plan_.dpdk_bytes;
  for (const config::Port& port : config_.ports) options.devices.push_back(port.device);
  if (Failure failure = eal_.start(options)) return failure;
  if (Failure failure = rx_pool_.create({"rx_frames", plan_.rx_frames, plan_.frame_len})) {
    return failure;
  }
  if (Failure failure = tx_pool_.create({"tx_frames", plan_.tx_frames, plan_.frame_len})) {
    return failure;
  }
  if (num_workers() > 1) {
    if (Failure failure = mesh_.create(num_workers())) return failure;
  }
  return open_ports();
}

Dataplane::Failure Dataplane::open_ports() {
  for (const config::Port& from : config_.ports) {
    dpdk::PortOptions options;
    options.name = from.name;
    options.device = from.device;
    if (Failure failure = load_profile(from.profile, configuration_file_, options.profile)) {
      return "port " + from.name + ": " + *failure;
    }
    options.profile.rx_descriptors = from.rx_descriptors;
    options.profile.tx_descriptors = from.tx_descriptors;
    options.index = {static_cast<std::uint8_t>(ports_.size())};
    options.num_queues = num_workers();
    options.mtu = from.mtu;
    options.rx_pool = &rx_pool_;
    options.reta = frame::Reta{num_workers()};
    auto port = std::make_unique<dpdk::Port>();
    if (Failure failure = port->open(options)) return failure;
    ports_.push_back(std::move(port));
    port_list_.push_back(ports_.back().get());
  }
  return {};
}

dpdk::IdleMode Dataplane::idle_mode(const dpdk::LcorePlace& place) const {
  // Polling without a pause is for a CPU of one's own and a device that is worth it.
  const bool own_cpu = place.cpus.size() == 1;
  const bool physical = std::ranges::any_of(
      config_.ports, [](const config::Port& p) { return dpdk::is_pci_address(p.device); });
  return own_cpu && physical ? dpdk::IdleMode::spin : dpdk::IdleMode::sleep;
}

Dataplane::Failure Dataplane::add_workers(control::Publisher& publisher,
                                          const std::vector<control::Identities::NamedKey>& keys,
                                          const offload::Verifier* verifier) {
  if (verifier != nullptr) {
    verifier_ = std::make_unique<VerifierThread>(*verifier);
    if (Failure failure = verifier_->create(num_workers(), plan_.worker.max_verify_jobs)) {
      return failure;
    }
  }
  if (plan_.sessions > 0) {
    sessions_ = std::make_unique<tls::SessionCache>(plan_.sessions);
    if (!sessions_->has_room()) {
      return "there is no memory for dataplane.max_sessions = " + std::to_string(plan_.sessions);
    }
  }
  for (std::uint16_t i = 0; i < num_workers(); ++i) {
    auto worker = std::make_unique<IoWorker>();
    worker->index = i;
    worker->place = eal_.plan().workers[i];
    worker->idle = idle_mode(worker->place);
    const std::string number = std::to_string(i);
    if (Failure failure =
            worker->to_control.create(("to_control_" + number).c_str(), kControlRing)) {
      return failure;
    }
    if (Failure failure =
            worker->from_control.create(("from_control_" + number).c_str(), kControlRing)) {
      return failure;
    }

    worker::WorkerConfig config = plan_.worker;
    config.index = i;
    config.client_sessions = sessions_.get();
    config.reta = frame::Reta{num_workers()};
    config.tsc_rate = dpdk::Eal::tsc_rate();
    if (getrandom(config.seed.data(), config.seed.size(), 0) !=
        static_cast<ssize_t>(config.seed.size())) {
      return "the system gives no random numbers";
    }
    worker->processor = std::make_unique<WorkerProcessor>(
        config, eal_.arena(worker->place.lcore), publisher.reader(i), publisher.source(),
        verifier_ ? &verifier_->lane(i) : nullptr, dpdk::now());
    wipe(config.seed);
    for (const control::Identities::NamedKey& key : keys) {
      if (!worker->processor->executor().keys().add(key.id, key.key)) {
        return "private key " + std::to_string(key.id.index) +
               " cannot be used; use RSA with 2048 to 4096 bits, or ECDSA P-256";
      }
    }

    dpdk::IoLcoreOptions options;
    options.queues.worker = i;
    options.queues.ports = port_list_;
    options.queues.mesh = num_workers() > 1 ? &mesh_ : nullptr;
    options.queues.reta = config.reta;
    options.queues.stats = &worker->processor->writable_stats();
    options.queues.tsc_rate = config.tsc_rate;
    options.tx_pool = &tx_pool_;
    options.to_control = &worker->to_control;
    options.from_control = &worker->from_control;
    options.idle = worker->idle;
    options.stop = &stop_;
    worker->lcore = std::make_unique<dpdk::IoLcore<WorkerProcessor>>(options, *worker->processor);
    workers_.push_back(std::move(worker));
  }
  return {};
}

Dataplane::Failure Dataplane::start() {
  for (const auto& port : ports_) {
    if (Failure failure = port->start()) return failure;
  }
  running_ = true;
  if (verifier_) verifier_->start();
  for (const auto& worker : workers_) {
    if (!eal_.launch(worker->place.lcore, dpdk::IoLcore<WorkerProcessor>::entry,
                     worker->lcore.get())) {
      return "lcore " + std::to_string(worker->place.lcore) + " does not start";
    }
  }
  return {};
}

void Dataplane::stop() noexcept {
  if (!running_) return;
  running_ = false;
  stop_.store(true);
  for (const auto& worker : workers_) dpdk::Eal::wait(worker->place.lcore);
  if (verifier_) verifier_->stop();
}

std::uint32_t Dataplane::close() noexcept {
  if (num_workers() > 1) mesh_.drain();
  for (const auto& port : ports_) {
    port->stop();
    port->close();
  }
  return rx_pool_.num_in_use() + tx_pool_.num_in_use();
}

bool Dataplane::send(const frame::ControlMessage& message) noexcept {
  // Any lcore can send on any port.
  IoWorker& worker = *workers_[next_worker_++ % workers_.size()];
  return worker.from_control.put(message);
}

bool Dataplane::receive(frame::ControlMessage& message) noexcept {
  return std::ranges::any_of(workers_,
                             [&](const auto& worker) { return worker->to_control.take(message); });
}

}  // namespace sallyport
