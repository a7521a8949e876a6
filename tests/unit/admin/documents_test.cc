#include "lib/admin/documents.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace sallyport::admin {
namespace {

using stats::WorkerStats;

// What dpdk's telemetry writes around the document counts too.
constexpr std::size_t kMostJson = 16 * 1024 - 64;

struct TwoWorkers {
  std::unique_ptr<WorkerStats> a = std::make_unique<WorkerStats>();
  std::unique_ptr<WorkerStats> b = std::make_unique<WorkerStats>();
  std::array<const WorkerStats*, 2> both{a.get(), b.get()};
};

const Document& child(const Document& parent, std::string_view name) {
  return std::get<Document>(*parent.find(name));
}
std::uint64_t number(const Document& parent, std::string_view name) {
  return std::get<std::uint64_t>(*parent.find(name));
}
std::string text(const Document& parent, std::string_view name) {
  return std::get<std::string>(*parent.find(name));
}

TEST(Handshakes, FunnelAddsUpAllWorkersInTheOrderOfTheStages) {
  TwoWorkers w;
  w.a->stages.count(stats::HandshakeStage::syn_received, 5);
  w.b->stages.count(stats::HandshakeStage::syn_received, 2);
  w.b->stages.count(stats::HandshakeStage::tls_established);
  w.a->stage_nanoseconds[static_cast<std::size_t>(stats::HandshakeStage::tls_established)].record(
      1000);
  w.a->failures.count(stats::HandshakeFailure::bad_finished, 3);
  w.a->handshake_nanoseconds.record(400'000);
  w.a->resumptions.count(stats::Resumption::tls13_resumed, 2);
  w.b->resumptions.count(stats::Resumption::tls13_resumed, 3);
  w.b->ticket_refusals.count(stats::TicketRefusal::not_authentic);
  w.b->ticket_refusals.count(stats::TicketRefusal::none, 9);
  const Document document = handshakes_document(w.both);
  const Document& stages = child(document, "stages");
  EXPECT_EQ(stages.entries().front().name, "syn_received");
  EXPECT_EQ(number(child(stages, "syn_received"), "count"), 7U);
  EXPECT_EQ(child(stages, "syn_received").find("p50_nanoseconds"), nullptr);
  const std::uint64_t median = number(child(stages, "tls_established"), "p50_nanoseconds");
  EXPECT_GE(median, 1000U);
  EXPECT_LE(median, 1250U);
  EXPECT_EQ(number(child(document, "failures"), "bad_finished"), 3U);
  EXPECT_EQ(child(document, "failures").find("none"), nullptr);
  EXPECT_EQ(number(child(document, "resumptions"), "tls13_resumed"), 5U);
  EXPECT_EQ(number(child(document, "ticket_refusals"), "not_authentic"), 1U);
  EXPECT_EQ(child(document, "ticket_refusals").find("none"), nullptr);
  EXPECT_EQ(number(child(document, "handshake"), "count"), 1U);
}

TEST(Drops, NamesEveryReasonWithItsHelp) {
  TwoWorkers w;
  w.a->drops.count(stats::DropReason::ip_fragment, 2);
  w.b->drops.count(stats::DropReason::tcp_land);
  const Document document = drops_document(w.both);
  EXPECT_EQ(number(document, "total"), 3U);
  const Document& reasons = child(document, "reasons");
  EXPECT_EQ(reasons.entries().size(), stats::Counters<stats::DropReason>::kSize - 1);
  EXPECT_EQ(number(child(reasons, "ip_fragment"), "count"), 2U);
  EXPECT_EQ(text(child(reasons, "tcp_land"), "help"), "source and destination are the same socket");
}

TEST(Lcores, SharesOfTimeAreInPermille) {
  TwoWorkers w;
  w.a->regime_ticks.count(stats::LcoreRegime::idle, 3'000'000'000);
  w.a->regime_ticks.count(stats::LcoreRegime::busy, 1'000'000'000);
  const std::array<LcoreReport, 2> reports{
      LcoreReport{.lcore = 3, .stats = w.a.get(), .ticks_per_us = 2'000},
      LcoreReport{.lcore = 4, .stats = nullptr}};
  const Document document = lcores_document(reports);
  const Document& first = child(child(document, "lcores"), "0");
  EXPECT_EQ(number(first, "lcore"), 3U);
  EXPECT_EQ(number(first, "idle_permille"), 750U);
  EXPECT_EQ(number(first, "busy_permille"), 250U);
  EXPECT_EQ(number(first, "crypto_permille"), 0U);
  EXPECT_EQ(number(first, "working_us"), 500'000U);
  EXPECT_EQ(child(child(document, "lcores"), "1").find("idle_permille"), nullptr);
}

TEST(Lcores, OfALargeMachineComeInParts) {
  std::vector<LcoreReport> reports(20);
  for (std::uint16_t i = 0; i < reports.size(); ++i) reports[i].lcore = i;
  const Document document = lcores_document(reports, 16);
  EXPECT_EQ(number(document, "total"), 20U);
  EXPECT_EQ(number(document, "shown"), 4U);
  EXPECT_EQ(number(child(child(document, "lcores"), "0"), "lcore"), 16U);
}

TEST(Ports, BeyondTheFirstSixteenComeInParts) {
  std::vector<PortReport> reports(kPortsPerDocument + 3);
  reports.back().name = "last";
  const Document document = ports_document(reports, kPortsPerDocument);
  EXPECT_EQ(number(document, "total"), reports.size());
  EXPECT_EQ(number(document, "first"), kPortsPerDocument);
  EXPECT_EQ(number(document, "shown"), 3U);
  EXPECT_EQ(text(child(child(document, "ports"), "2"), "name"), "last");
}

TEST(Backends, OfAWholeFarmComeInParts) {
  std::vector<BackendReport> reports(kBackendsPerDocument + 2);
  reports.back().pool = "last";
  const Document document = backends_document(reports, kBackendsPerDocument);
  EXPECT_EQ(number(document, "total"), reports.size());
  EXPECT_EQ(number(document, "shown"), 2U);
  EXPECT_EQ(text(child(child(document, "backends"), "1"), "pool"), "last");
}

TEST(Connections, ComeInPartsWithTheirTotals) {
  TwoWorkers w;
  w.a->gauges.set(stats::Gauge::connections, 40);
  w.b->gauges.set(stats::Gauge::connections, 2);
  std::vector<ConnectionReport> reports(42);
  reports[kConnectionsPerDocument].client = *parse_socket_address("[2001:db8::1]:5000");
  const Document first = connections_document(w.both, reports);
  EXPECT_EQ(number(child(first, "totals"), "connections"), 42U);
  EXPECT_EQ(number(first, "shown"), kConnectionsPerDocument);
  const Document second = connections_document(w.both, reports, kConnectionsPerDocument);
  EXPECT_EQ(number(second, "shown"), 20U);
  EXPECT_EQ(text(child(child(second, "list"), "0"), "client"), "[2001:db8::1]:5000");
  EXPECT_EQ(text(child(child(second, "list"), "0"), "backend"), "");
  EXPECT_EQ(number(connections_document(w.both, reports, 1000), "shown"), 0U);
}

TEST(Documents, AnUnnamedParameterIsTheBeginning) {
  EXPECT_EQ(first_of(""), 0U);
  EXPECT_EQ(first_of("64"), 64U);
  EXPECT_EQ(first_of("6x"), 0U);
  EXPECT_EQ(first_of("99999999999999999999"), 0U);
}

// fill sets every counter to a number of many digits.
template <class Enum>
void fill(stats::Counters<Enum>& counters) {
  for (std::size_t i = 0; i < stats::Counters<Enum>::kSize; ++i) {
    counters.set(static_cast<Enum>(i), 99'999'999'999'999);
  }
}

TEST(Documents, TheLargestStillFitTelemetry) {
  TwoWorkers w;
  for (WorkerStats* s : {w.a.get(), w.b.get()}) {
    fill(s->traffic);
    fill(s->gauges);
    fill(s->regime_ticks);
    fill(s->drops);
    fill(s->stages);
    fill(s->failures);
    fill(s->cookie_refusals);
    fill(s->closes);
    fill(s->backend_tls_failures);
    for (Histogram& h : s->stage_nanoseconds) h.record(99'999'999'999);
  }
  const SocketAddress widest =
      *parse_socket_address("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
  const std::string name(32, 'n');
  constexpr std::uint64_t kMany = 99'999'999'999'999;
  ConnectionReport connection;
  connection.client = connection.listener = connection.source = connection.backend = widest;
  connection.client_state = connection.backend_state = "SYN_RECEIVED";
  connection.tls_state = "established";
  connection.tls_version = "1.3";
  connection.backend_tls = "handshake";
  connection.age_milliseconds = 999'999'999;
  connection.client_to_backend_bytes = connection.backend_to_client_bytes = kMany;
  const std::vector<ConnectionReport> connections(200, connection);
  BackendReport backend;
  backend.pool = name;
  backend.address = widest;
  backend.next_hop_resolved = true;
  backend.connections = backend.established = backend.refused = backend.timed_out = kMany;
  backend.speaks_tls = true;
  backend.tls_established = backend.tls_resumed = backend.tls_failed = kMany;
  const std::vector<BackendReport> backends(200, backend);
  LcoreReport lcore;
  lcore.stats = w.a.get();
  lcore.iterations = kMany;
  stats::Counters<stats::ExecutorCounter> executor;
  for (std::size_t i = 0; i < executor.kSize; ++i) {
    executor.count(static_cast<stats::ExecutorCounter>(i), kMany);
  }
  lcore.executor = &executor;
  const std::vector<LcoreReport> lcores(128, lcore);
  PortReport port;
  port.name = name;
  port.device = std::string(300, 'd');
  port.driver = "net_ice";
  port.offloads.assign(40, "checksum");
  port.emulated.assign(40, "checksum");
  port.rx_frames = port.rx_bytes = port.tx_frames = port.tx_bytes = kMany;
  const std::vector<PortReport> ports(16, port);

  for (const Document& document :
       {handshakes_document(w.both), drops_document(w.both),
        connections_document(w.both, connections), lcores_document(lcores), ports_document(ports),
        backends_document(backends)}) {
    EXPECT_TRUE(document.fits()) << to_json(document).substr(0, 200);
    EXPECT_LE(to_json(document).size(), kMostJson) << to_json(document).substr(0, 200);
  }
}

}  // namespace
}  // namespace sallyport::admin
