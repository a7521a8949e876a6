#include "app/sallyctl/render.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <sstream>
#include <string>

#include "app/sallyctl/table.h"
#include "lib/admin/documents.h"

namespace sallyport::sallyctl {
namespace {

// parsed is a document as it arrives: what the daemon writes, read as JSON.
Json parsed(const Document& document) { return Json::parse(to_json(document)); }

TEST(Numbers, AreReadable) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(5ULL << 40U), "5.0 TiB");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(1'234), "1.23 us");
  EXPECT_EQ(duration_text(999'900), "1.00 ms");
  EXPECT_EQ(duration_text(90'000'000'000), "90.0 s");
  EXPECT_EQ(age_text(0), "0.0 s");
  EXPECT_EQ(age_text(61'540), "61.5 s");
  EXPECT_EQ(age_text(150'000), "2.5 min");
  EXPECT_EQ(age_text(9'000'000), "2.5 h");
  EXPECT_EQ(age_text(100ULL * 86'400'000), "100.0 d");
  EXPECT_EQ(microseconds_text(1'234'567), "1,234.6");
  EXPECT_EQ(percent_text(1, 3), "33.3 %");
  EXPECT_EQ(percent_text(1, 0), "-");
  EXPECT_EQ(permille_text(753), "75.3 %");
}

TEST(Handshakes, FunnelGoesFromTheFirstSynToTheFirstByte) {
  const auto stats = std::make_unique<stats::WorkerStats>();
  using stats::HandshakeStage;
  stats->stages.count(HandshakeStage::syn_received, 1200);
  stats->stages.count(HandshakeStage::syn_ack_sent, 1200);
  stats->stages.count(HandshakeStage::cookie_accepted, 300);
  stats->stages.count(HandshakeStage::tls_established, 270);
  stats->failures.count(stats::HandshakeFailure::not_tls, 2);
  stats->failures.count(stats::HandshakeFailure::timed_out, 28);
  stats->cookie_refusals.count(stats::CookieRefusal::bad_mac, 5);
  stats->resumptions.count(stats::Resumption::tls13_resumed, 170);
  stats->resumptions.count(stats::Resumption::tls13_full, 100);
  stats->ticket_refusals.count(stats::TicketRefusal::none, 296);
  stats->ticket_refusals.count(stats::TicketRefusal::expired, 4);
  stats->handshake_nanoseconds.record(400'000);
  stats->stage_nanoseconds[static_cast<std::size_t>(HandshakeStage::tls_established)].record(
      150'000);
  const std::array<const stats::WorkerStats*, 1> workers{stats.get()};
  EXPECT_EQ(render_handshakes(parsed(admin::handshakes_document(workers)), Detail::relevant),
            R"(stage                 count  of SYNs  of previous  p50 us  p90 us  p99 us  p99.9 us
syn_received          1,200  100.0 %                    -       -       -         -
syn_ack_sent          1,200  100.0 %      100.0 %       -       -       -         -
cookie_accepted         300   25.0 %       25.0 %       -       -       -         -
client_hello              0    0.0 %        0.0 %       -       -       -         -
job_submitted             0    0.0 %            -       -       -       -         -
job_completed             0    0.0 %            -       -       -       -         -
flight_sent               0    0.0 %            -       -       -       -         -
tls_established         270   22.5 %            -   163.8   163.8   163.8     163.8
backend_syn_sent          0    0.0 %        0.0 %       -       -       -         -
backend_established       0    0.0 %            -       -       -       -         -
first_byte_to_client      0    0.0 %            -       -       -       -         -

from the first proven segment to Finished: p50 459 us, p90 459 us, p99 459 us, p99.9 459 us

handshake      count  meaning
tls13_resumed    170  TLS 1.3 handshakes with a ticket instead
tls13_full       100  TLS 1.3 handshakes with a certificate

failure    count  meaning
timed_out     28  handshake not complete in time
not_tls        2  first bytes are no TLS record

cookie refused  count  meaning
bad_mac             5  authentication code is wrong: forged, or another tuple

ticket refused  count  meaning
expired             4  older than its lifetime
)");
}

TEST(Drops, ShowsTheLargestFirstAndOnlyWhatHappened) {
  const auto stats = std::make_unique<stats::WorkerStats>();
  const std::array<const stats::WorkerStats*, 1> workers{stats.get()};
  EXPECT_EQ(render_drops(parsed(admin::drops_document(workers)), Detail::relevant),
            "no frame has been dropped\n");
  stats->drops.count(stats::DropReason::tcp_land, 1);
  stats->drops.count(stats::DropReason::ip_fragment, 999);
  EXPECT_EQ(render_drops(parsed(admin::drops_document(workers)), Detail::relevant),
            R"(reason       frames   share  meaning
ip_fragment     999  99.9 %  IP fragment: fragments are not reassembled
tcp_land          1   0.1 %  source and destination are the same socket

total 1,000
)");
  const std::string all = render_drops(parsed(admin::drops_document(workers)), Detail::all);
  EXPECT_NE(all.find("arp_malformed"), std::string::npos);
}

TEST(Connections, ShowTotalsAndBothSides) {
  const auto stats = std::make_unique<stats::WorkerStats>();
  stats->gauges.set(stats::Gauge::connections, 1234);
  stats->gauges.set(stats::Gauge::time_wait, 7);
  stats->gauges.set(stats::Gauge::key_shares, 64);
  const std::array<const stats::WorkerStats*, 1> workers{stats.get()};
  admin::ConnectionReport whole;
  whole.client = *parse_socket_address("198.18.0.2:50000");
  whole.listener = *parse_socket_address("198.18.0.10:443");
  whole.source = *parse_socket_address("198.18.0.11:20000");
  whole.backend = *parse_socket_address("198.18.0.20:8080");
  whole.client_state = "established";
  whole.backend_state = "established";
  whole.tls_state = "established";
  whole.tls_version = "1.3";
  whole.age_milliseconds = 61'500;
  whole.client_to_backend_bytes = 2048;
  whole.backend_to_client_bytes = 5 << 20;
  admin::ConnectionReport young;
  young.worker = 1;
  young.client = *parse_socket_address("[2001:db8::2]:50000");
  young.listener = *parse_socket_address("[2001:db8::10]:443");
  young.client_state = "established";
  young.tls_state = "handshake";
  const std::array reports{whole, young};
  EXPECT_EQ(
      render_connections(parsed(admin::connections_document(workers, reports)), Detail::relevant),
      R"(1,234 connections, 7 time wait

client               listener            state        tls              backend           state           age  to backend  to client  worker
198.18.0.2:50000     198.18.0.10:443     established  established 1.3  198.18.0.20:8080  established  61.5 s     2.0 KiB    5.0 MiB       0
[2001:db8::2]:50000  [2001:db8::10]:443  established  handshake        -                 -             0.0 s         0 B        0 B       1

1,232 more are not listed: --limit, and 256 of each I/O core at most
)");
  stats->gauges.set(stats::Gauge::connections, 2);
  const std::string complete =
      render_connections(parsed(admin::connections_document(workers, reports)), Detail::relevant);
  EXPECT_EQ(complete.find("not listed"), std::string::npos) << complete;
}

TEST(Lcores, ShowWhatTheirTimeIsSpentOn) {
  const auto stats = std::make_unique<stats::WorkerStats>();
  stats->regime_ticks.count(stats::LcoreRegime::idle, 600'000);
  stats->regime_ticks.count(stats::LcoreRegime::busy, 300'000);
  stats->regime_ticks.count(stats::LcoreRegime::crypto, 100'000);
  stats->traffic.count(stats::Traffic::rx_frames, 123'456);
  admin::LcoreReport report;
  report.lcore = 1;
  report.stats = stats.get();
  stats::Counters<stats::ExecutorCounter> executor;
  executor.count(stats::ExecutorCounter::jobs_ok, 50);
  executor.count(stats::ExecutorCounter::derive_batches, 20);
  executor.count(stats::ExecutorCounter::derive_lanes, 130);
  executor.count(stats::ExecutorCounter::rsa_batches, 3);
  executor.count(stats::ExecutorCounter::rsa_lanes, 8);
  report.executor = &executor;
  const std::array reports{report};
  const Json document = parsed(admin::lcores_document(reports));
  EXPECT_EQ(
      render_lcores(document, Detail::relevant),
      R"(lcore  role    busy  crypto  backpressured    idle  connections  established  rx frames  tx frames  steered in  jobs
    1  io    30.0 %  10.0 %          0.0 %  60.0 %            0            0    123,456          0           0    50

lanes in use  key pairs  agreements  ECDSA  RSA
lcore 1               -         6.5      -  2.6
)");
  const std::string all = render_lcores(document, Detail::all);
  EXPECT_NE(all.find("echo_replies"), std::string::npos);
}

TEST(Lcores, SayWhatEachNumberMeans) {
  const auto stats = std::make_unique<stats::WorkerStats>();
  const stats::Counters<stats::ExecutorCounter> executor;
  admin::LcoreReport report;
  report.stats = stats.get();
  report.executor = &executor;
  const std::array reports{report};
  std::istringstream lines{render_lcores(parsed(admin::lcores_document(reports)), Detail::all)};
  std::string line;
  while (!line.starts_with("lcore 0 ") || !line.ends_with("meaning")) {
    ASSERT_TRUE(std::getline(lines, line));
  }
  std::size_t rows = 0;
  for (; std::getline(lines, line); ++rows) {
    std::istringstream words{line};
    std::string name;
    std::string count;
    std::string meaning;
    words >> name >> count >> meaning;
    EXPECT_FALSE(meaning.empty()) << name;
  }
  EXPECT_GT(rows, stats::Counters<stats::Traffic>::kSize);
}

TEST(Ports, ShowWhatTheDeviceDoesAndWhatWasLost) {
  admin::PortReport port;
  port.name = "wan0";
  port.device = "net_tap0,iface=sally0";
  port.driver = "net_tap";
  port.mac = *parse_mac("02:00:00:00:00:01");
  port.link_up = true;
  port.link_mbps = 10'000;
  port.mtu = 1500;
  port.rx_queues = port.tx_queues = 2;
  port.steering = "software";
  port.offloads = {"rx ipv4 checksum", "multi segment tx"};
  port.rx_frames = 1000;
  port.rx_bytes = 64'000;
  port.rx_missed = 3;
  const std::array ports{port};
  EXPECT_EQ(render_ports(parsed(admin::ports_document(ports)), Detail::relevant),
            R"(wan0: net_tap0,iface=sally0, driver net_tap, 02:00:00:00:00:01
  link up, 10,000 Mb/s, mtu 1500, queues 2 rx 2 tx, steering software
  offloads: rx ipv4 checksum, multi segment tx
  in software: none
  rx 1,000 frames, 62.5 KiB
  tx 0 frames, 0 B
  rx_missed 3: no free descriptor: the cores were too slow
)");
}

TEST(Backends, ShowHealthAndNextHop) {
  admin::BackendReport up;
  up.pool = "web";
  up.address = *parse_socket_address("198.18.0.20:8080");
  up.next_hop_resolved = true;
  up.next_hop_mac = *parse_mac("02:00:00:00:00:20");
  up.connections = 12;
  up.established = 3400;
  admin::BackendReport down = up;
  down.address = *parse_socket_address("198.18.0.21:8080");
  down.healthy = false;
  down.next_hop_resolved = false;
  down.timed_out = 9;
  const std::array backends{up, down};
  EXPECT_EQ(
      render_backends(parsed(admin::backends_document(backends)), Detail::relevant),
      R"(pool  backend           weight  health  next hop           connections  established  refused  timed out
web   198.18.0.20:8080       1  up      02:00:00:00:00:20           12        3,400        0          0
web   198.18.0.21:8080       1  down    unresolved                  12        3,400        0          9
)");
}

TEST(Backends, ThatSpeakTlsShowHowItWent) {
  admin::BackendReport plain;
  plain.pool = "web";
  plain.address = *parse_socket_address("198.18.0.20:8080");
  admin::BackendReport secured = plain;
  secured.pool = "app";
  secured.speaks_tls = true;
  secured.established = 1200;
  secured.tls_established = 1100;
  secured.tls_resumed = 1000;
  secured.tls_failed = 100;
  const std::array backends{plain, secured};
  EXPECT_EQ(
      render_backends(parsed(admin::backends_document(backends)), Detail::relevant),
      R"(pool  backend           weight  health  next hop    connections  established  refused  timed out    tls  resumed  tls failed
web   198.18.0.20:8080       1  up      unresolved            0            0        0          0    off
app   198.18.0.20:8080       1  up      unresolved            0        1,200        0          0  1,100    1,000         100
)");
}

TEST(Handshakes, WithBackendsHaveAStageAndReasonsOfTheirOwn) {
  const auto stats = std::make_unique<stats::WorkerStats>();
  using stats::HandshakeStage;
  stats->stages.count(HandshakeStage::backend_established, 10);
  stats->stages.count(HandshakeStage::backend_tls_established, 4);
  stats->stages.count(HandshakeStage::first_byte_to_client, 9);
  stats->backend_tls_failures.count(stats::BackendTlsFailure::wrong_name, 3);
  const std::array<const stats::WorkerStats*, 1> workers{stats.get()};
  const std::string out =
      render_handshakes(parsed(admin::handshakes_document(workers)), Detail::relevant);
  EXPECT_NE(out.find("backend_tls_established      4"), std::string::npos) << out;
  EXPECT_NE(out.find("90.0 %"), std::string::npos)
      << "of those that the backends accepted: " << out;
  EXPECT_NE(out.find("TLS with backends  count"), std::string::npos) << out;
  EXPECT_NE(out.find("wrong_name             3"), std::string::npos) << out;
}

TEST(Render, SurvivesDocumentsOfAnotherShape) {
  for (const char* text : {"{}", R"({"stages":7,"reasons":[],"totals":null,"ports":{"0":3}})",
                           R"({"list":{"0":"x"},"lcores":{"0":[]},"backends":{"0":{"pool":5}}})",
                           R"({"error":"the answer does not fit","reasons":{"a":{"count":-1}}})"}) {
    const Json document = Json::parse(text);
    for (const auto render : {render_handshakes, render_connections, render_lcores, render_ports,
                              render_backends, render_drops}) {
      EXPECT_FALSE(render(document, Detail::relevant).find('\x1b') != std::string::npos);
      render(document, Detail::all);
    }
  }
}

TEST(Render, TextOfTheDaemonCannotMoveTheCursor) {
  const Json document = Json::parse(R"({"backends":{"0":{"pool":"a\u001b[2Jb\n"}}})");
  const std::string out = render_backends(document, Detail::relevant);
  EXPECT_NE(out.find("a?[2Jb?"), std::string::npos);
}

TEST(RenderFingerprints, SaysWhatTheCountsAreWorth) {
  admin::FingerprintsReport report;
  EXPECT_EQ(render_fingerprints(parsed(admin::fingerprints_document(report)), Detail::relevant),
            "no client was fingerprinted: listener.tls.fingerprints\n");
  report.total = 40;
  report.list.push_back({.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1",
                         .ja3 = "ada70206e40642a3e4461f35503241d5",
                         .server_name = "sallyport.test",
                         .count = 30,
                         .error = 0});
  const auto text = [&](Detail detail) {
    return render_fingerprints(parsed(admin::fingerprints_document(report)), detail);
  };
  EXPECT_EQ(
      text(Detail::relevant),
      "JA4                                   last JA3                          clients   share"
      "  last server name\n"
      "t13d1516h2_8daaf6152771_e5627efa2ab1  ada70206e40642a3e4461f35503241d5       30  75.0 %"
      "  sallyport.test\n"
      "\ntotal 40\n");
  EXPECT_EQ(text(Detail::relevant).find("at least"), std::string::npos) << "all counts are exact";
  report.list[0].error = 4;
  EXPECT_NE(text(Detail::relevant).find("at least"), std::string::npos);
  EXPECT_NE(text(Detail::relevant).find("      26"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::sallyctl
