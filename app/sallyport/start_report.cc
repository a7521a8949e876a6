#include "app/sallyport/start_report.h"

#include <algorithm>
#include <string_view>

#include "lib/tls/key_log.h"

namespace sallyport {
namespace {

std::string mebibytes(std::size_t bytes) {
  return std::to_string((bytes + (1U << 19)) >> 20) + " MiB";
}

// line starts a line of the report: a title in a column of its own, then the text.
std::string line(std::string_view title, const std::string& text) {
  constexpr std::size_t kColumn = 15;
  std::string result = "  " + std::string{title};
  result.resize(std::max(kColumn, result.size() + 1), ' ');
  return result + text + '\n';
}

std::string place_text(const dpdk::LcorePlace& place) {
  std::string cpus;
  for (const unsigned cpu : place.cpus) cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
  const char* verb = place.cpus.size() == 1 ? " on CPU " : " floating over CPUs ";
  return "lcore " + std::to_string(place.lcore) + verb + cpus;
}

const char* idle_text(dpdk::IdleMode mode) {
  switch (mode) {
    case dpdk::IdleMode::spin:
      return "polls without a pause";
    case dpdk::IdleMode::pause:
      return "pauses when idle";
    case dpdk::IdleMode::sleep:
      return "sleeps when idle";
  }
  return "";
}

std::string choices_text(const dpdk::PortReport& report, dpdk::Provider provider) {
  std::string text;
  for (const dpdk::Choice& choice : report.choices) {
    if (choice.provider != provider) continue;
    text += (text.empty() ? "" : ", ") + std::string{choice.offload};
    if (!choice.reason.empty()) text += " (" + choice.reason + ")";
  }
  return text;
}

std::string port_text(const dpdk::Port& port) {
  const dpdk::PortReport report = port.report();
  const dpdk::LinkState link = port.link();
  std::string speed = link.megabits == 0 ? "" : " at " + std::to_string(link.megabits) + " Mb/s";
  std::string text = line("port " + report.name, report.device);
  text += line("", "driver " + report.driver + ", MAC " + to_string(report.mac) + ", MTU " +
                       std::to_string(report.mtu) + ", link " + (link.up ? "up" + speed : "down"));
  text += line("", "queues " + std::to_string(report.num_queues) + " x " +
                       std::to_string(report.rx_descriptors) + " receive, " +
                       std::to_string(report.tx_descriptors) + " transmit descriptors");
  text += line("", std::string{"steering "} + dpdk::name_of(report.steering) + ": " +
                       report.steering_reason);
  for (const dpdk::Provider provider :
       {dpdk::Provider::hardware, dpdk::Provider::software, dpdk::Provider::off}) {
    const std::string choices = choices_text(report, provider);
    if (choices.empty()) continue;
    const char* title = provider == dpdk::Provider::hardware   ? "by the device: "
                        : provider == dpdk::Provider::software ? "in software: "
                                                               : "not used: ";
    text += line("", title + choices);
  }
  return text;
}

// Whatever is not the fastest way says what it costs.
std::string computing_text(offload::Computing computing) {
  constexpr const char* kOneByOne = "one operation at a time with OpenSSL";
  constexpr const char* kCost = "; a handshake with ECDSA costs more than three times as much";
  switch (computing) {
    case offload::Computing::batch:
      return "eight operations at a time with AVX-512 IFMA";
    case offload::Computing::openssl_by_choice:
      return kOneByOne;
    case offload::Computing::openssl_for_cpu:
      return std::string{kOneByOne} + ": this processor has no AVX-512 IFMA" + kCost;
    case offload::Computing::openssl_for_failure:
      return std::string{kOneByOne} +
             ": WARNING: the AVX-512 kernels gave other results than OpenSSL in the self-test, so "
             "this processor or this build is faulty" +
             kCost;
  }
  return kOneByOne;
}

std::string trust_text(const config::PoolTls& tls) {
  if (tls.verify == config::VerifyServer::off) {
    return "WARNING: their certificates are not verified";
  }
  return "verified as " + tls.server_name + " by " + (tls.ca.empty() ? "the system" : tls.ca);
}

}  // namespace

std::string version_text() {
  const std::string build = tls::kHasKeyLog ? ", unsafe_keylog" : "";
  return std::string{"sallyport "} + SALLYPORT_VERSION + " (" + dpdk::Eal::version() + build + ")";
}

std::string start_report(const config::Config& config, const MemoryPlan& plan,
                         const Dataplane& dataplane, const control::Identities& identities,
                         const StartFacts& facts) {
  std::string text = version_text() + '\n';
  text +=
      line("instance", config.dataplane.name + ", telemetry " + dataplane.eal().telemetry_socket());

  std::size_t tables = 0;
  for (const auto& worker : dataplane.workers()) tables += worker->processor->arena_bytes();
  const std::size_t pools = dataplane.rx_pool().bytes() + dataplane.tx_pool().bytes();
  text += line("memory", dataplane.eal().huge_pages() ? "huge pages" : "ordinary pages");
  text += line("", "receive pool " + std::to_string(plan.rx_frames) + " frames, " +
                       mebibytes(dataplane.rx_pool().bytes()));
  text += line("", "transmit pool " + std::to_string(plan.tx_frames) + " frames, " +
                       mebibytes(dataplane.tx_pool().bytes()));
  text += line("", "connection tables " + mebibytes(tables) + " for " +
                       std::to_string(config.dataplane.max_connections) + " connections");
  const std::size_t sessions = plan.sessions * tls::SessionCache::kBytesPerSession;
  if (sessions > 0) {
    text += line("", "session cache " + mebibytes(sessions) + " for " +
                         std::to_string(plan.sessions) + " sessions by ID");
  }
  text += line("", "total " + mebibytes(pools + tables + sessions));

  text += line("lcores", place_text(dataplane.eal().plan().main) + ": control");
  for (const auto& worker : dataplane.workers()) {
    text += line("", place_text(worker->place) + ": I/O, " + idle_text(worker->idle));
  }
  // The same on all: they have the same processor.  One that failed is worth more than the others.
  offload::Computing computing{};
  for (const auto& worker : dataplane.workers()) {
    computing = std::max(computing, worker->processor->executor().computing());
  }
  text += line("public keys", computing_text(computing));
  if (facts.lacks_x448) text += line("", "without X448, which this libcrypto has not");
  text += line("secrets", facts.exposed.empty()
                              ? "locked into memory, kept from core dumps and debuggers"
                              : "WARNING: " + facts.exposed);
  if constexpr (tls::kHasKeyLog) {
    text += line("key log",
                 "WARNING: this build writes the secrets of every connection to SSLKEYLOGFILE");
  }
  for (const auto& port : dataplane.ports()) text += port_text(*port);
  for (const config::Listener& listener : config.listeners) {
    std::string addresses;
    for (const SocketAddress& address : listener.addresses) {
      addresses += (addresses.empty() ? "" : ", ") + to_string(address);
    }
    text += line("listener", listener.name + " at " + addresses + ", pool " + listener.pool);
  }
  for (const config::Pool& pool : config.pools) {
    if (pool.tls)
      text += line("pool", pool.name + ": TLS to its backends, " + trust_text(*pool.tls));
  }
  text += line("certificates", std::to_string(facts.certificates) + " with their keys, " +
                                   std::to_string(facts.certificate_bytes >> 10) +
                                   " KiB, OpenSSL's own tables included");
  for (const control::Identities::SelfMade& made : identities.self_made) {
    std::string names;
    for (const std::string& name : made.listeners) names += (names.empty() ? "" : ", ") + name;
    text += line("certificate", "made for " + names + "; SHA-256 " + made.fingerprint);
  }
  return text;
}

}  // namespace sallyport
