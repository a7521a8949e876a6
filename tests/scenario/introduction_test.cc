// Clients are introduced to their backends: one header, whole, before anything else, whatever the
// network does meanwhile.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/worker/transmitter.h"
#include "tests/scenario/actors.h"
#include "tests/support/authority.h"
#include "tests/support/hex.h"
#include "tests/support/proxy_header.h"

namespace sallyport::testing {
namespace {

// Hosts are backends that keep what they hear and answer all of it but the header.
class Hosts {
 public:
  struct Visit {
    Socket* socket = nullptr;
    Bytes heard;
    std::size_t answered = 0;
  };

  explicit Hosts(Simulation& sim, std::size_t first = 0) {
    for (std::size_t i = first; i < 2; ++i) {
      sim.backends.listen(sim.backend(i), [this](Socket& s) { visits.push_back({&s, {}, 0}); });
    }
  }
  void step() {
    for (Visit& v : visits) {
      const Bytes bytes = v.socket->take_received();
      v.heard.insert(v.heard.end(), bytes.begin(), bytes.end());
      const auto header = read_proxy_header(v.heard);
      const std::size_t begin = header ? header->len + v.answered : v.heard.size();
      v.socket->send(ByteView{v.heard}.subspan(begin));
      v.answered += v.heard.size() - begin;
      if (v.socket->peer_closed() && v.socket->unacked() == 0) v.socket->close();
    }
  }
  std::vector<Visit> visits;
};

SimulationOptions introducing() {
  SimulationOptions options;
  options.proxy_protocol = true;
  return options;
}

bool converse(Simulation& sim, Hosts& hosts, Talk& talk, Nanos within = seconds{30}) {
  return sim.run(
      [&] {
        hosts.step();
        return talk.done();
      },
      within);
}

std::string text_of(const IpAddress& ip) { return {ip.octets().begin(), ip.octets().end()}; }

// expect_header_then reads one header and behind it exactly what the client said.
std::optional<ReceivedProxyHeader> expect_header_then(const Hosts::Visit& visit,
                                                      const Bytes& said) {
  const auto header = read_proxy_header(visit.heard);
  EXPECT_TRUE(header) << "no header before " << visit.heard.size() << " bytes";
  if (!header) return header;
  EXPECT_TRUE(header->checksum_good);
  const ByteView rest = ByteView{visit.heard}.subspan(header->len);
  EXPECT_TRUE(std::ranges::equal(rest, said)) << rest.size() << " bytes behind the header";
  return header;
}

class IntroductionOver : public ::testing::TestWithParam<int> {};
std::string version_name(const ::testing::TestParamInfo<int>& info) {
  return info.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}
INSTANTIATE_TEST_SUITE_P(Both, IntroductionOver, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION),
                         version_name);

TEST_P(IntroductionOver, TellsWhoTheClientIs) {
  for (const bool ipv6 : {false, true}) {
    SimulationOptions options = introducing();
    options.ipv6 = ipv6;
    options.alpn = {"h2", "http/1.1"};
    Simulation sim{options};
    Hosts hosts{sim};
    Talk talk{sim, 3'000, {.version = GetParam(), .alpn = "http/1.1"}};
    ASSERT_TRUE(converse(sim, hosts, talk)) << talk.tls().error();
    EXPECT_TRUE(talk.correct());
    ASSERT_EQ(hosts.visits.size(), 1U);
    const auto header = expect_header_then(hosts.visits[0], pattern(3'000));
    ASSERT_TRUE(header);
    FourTuple client;
    sim.worker().for_each_connection(1,
                                     [&](const worker::Connection& c) { client = c.client.tuple; });
    EXPECT_EQ(header->command, 1);
    EXPECT_EQ(header->family, ipv6 ? 2 : 1);
    EXPECT_EQ(header->source, text_of(client.remote.ip));
    EXPECT_EQ(header->source_port, client.remote.port);
    EXPECT_EQ(header->destination, text_of(sim.listener().ip));
    EXPECT_EQ(header->destination_port, sim.listener().port);
    EXPECT_EQ(header->values[0x01], "http/1.1");
    EXPECT_EQ(header->values[0x02], "sallyport.test");
    EXPECT_EQ(header->client, 1U) << "no certificate";
    EXPECT_NE(header->verify, 0U);
    EXPECT_EQ(header->tls[0x21], SSL_get_version(talk.tls().ssl()));
    EXPECT_EQ(header->tls[0x23], SSL_get_cipher_name(talk.tls().ssl()));
    EXPECT_EQ(header->tls[0x24], "ecdsa-with-SHA256") << "of our certificate";
    EXPECT_FALSE(header->values.has(0xe2));
    talk.close();
    sim.run([&] { return hosts.step(), sim.num_connections() == 0; }, seconds{5});
    expect_all_gone(sim);
  }
}

TEST(Introduction, IsNotForBackendsThatDoNotWantIt) {
  Simulation sim;
  Hosts hosts{sim};
  OpensslClient client{sim.connect()};
  client.write(kRequest);
  sim.run([&] {
    client.step();
    hosts.step();
    return !hosts.visits.empty() && hosts.visits[0].heard.size() >= 18;
  });
  ASSERT_FALSE(hosts.visits.empty());
  EXPECT_TRUE(std::ranges::equal(hosts.visits[0].heard, std::string_view{kRequest}));
}

TEST(Introduction, ComesAlsoWhenTheClientHasNothingToSay) {
  Simulation sim{introducing()};
  Hosts hosts{sim};
  OpensslClient client{sim.connect()};
  EXPECT_TRUE(sim.run(
      [&] {
        client.step();
        hosts.step();
        return !hosts.visits.empty() && read_proxy_header(hosts.visits[0].heard);
      },
      seconds{2}));
}

TEST(Introduction, GoesToTheNextBackendWhenTheFirstRefuses) {
  Simulation sim{introducing()};
  Hosts hosts{sim, 1};  // nobody listens at backend 0
  for (int i = 0; i < 2; ++i) {
    Talk talk{sim, 3'000};
    ASSERT_TRUE(converse(sim, hosts, talk)) << talk.tls().error();
  }
  EXPECT_GE(sim.stats().traffic.value(stats::Traffic::backend_retries), 1U);
  ASSERT_EQ(hosts.visits.size(), 2U);
  for (const auto& visit : hosts.visits) expect_header_then(visit, pattern(3'000));
}

TEST(Introduction, GoesToTheNextBackendWhenTheFirstIsSilent) {
  Simulation sim{introducing()};
  Hosts hosts{sim};
  std::optional<IpAddress> silent;
  sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
    if (to != Simulation::To::backend) return Nanos{0};
    // Whoever is asked first never hears of it.
    const auto packet = wire::parse_packet(frame, 0, wire::Verify{});
    if (!packet) return Nanos{0};
    if (!silent) silent = packet->destination;
    return packet->destination == silent ? std::nullopt : std::optional<Nanos>{Nanos{0}};
  });
  Talk talk{sim, 3'000};
  ASSERT_TRUE(converse(sim, hosts, talk)) << talk.tls().error();
  EXPECT_EQ(sim.stats().traffic.value(stats::Traffic::backend_retries), 1U);
  ASSERT_EQ(hosts.visits.size(), 1U);
  expect_header_then(hosts.visits[0], pattern(3'000));
}

// A backend that has answered may change its mind before it is told whose connection it is: its RST
// comes with its SYN-ACK, or nothing more, while there are no frames for the header.
class ResetAtOnce {
 public:
  explicit ResetAtOnce(Simulation& sim) : sim_{sim} {
    sim.set_filter([this](Simulation::To to, ByteView frame) { return filter(to, frame); });
  }
  void step() {
    if (!syn_ack_ || was_sent_) return;
    was_sent_ = true;
    const tcp::Segment syn_ack = worker::segment_of(*syn_ack_);
    tcp::Segment reset;
    reset.seq = syn_ack.seq + 1;
    reset.flags = tcp::kRst;
    const FourTuple tuple{{syn_ack_->source, syn_ack_->tcp.source_port},
                          {syn_ack_->destination, syn_ack_->tcp.destination_port}};
    sim_.backends.send_segment(tuple, sim_.worker_mac(), reset, {});
  }

 private:
  static constexpr Nanos kWait = milliseconds{1};
  // The first SYN-ACK waits for what is sent behind it.
  std::optional<Nanos> filter(Simulation::To to, ByteView frame) {
    const auto packet = wire::parse_packet(frame, 0, wire::Verify{});
    if (to != Simulation::To::worker || !packet ||
        packet->tcp.source_port != Simulation::kBackendPort) {
      return Nanos{0};
    }
    if (!syn_ack_) {
      syn_ack_ = *packet;
      sent_ = sim_.now();
      return kWait;
    }
    const bool is_reset = worker::segment_of(*packet).flags.rst();
    return is_reset ? kWait - Simulation::kRate.nanos(sim_.now() - sent_) : Nanos{0};
  }
  Simulation& sim_;
  std::optional<wire::Packet> syn_ack_;
  Tsc sent_;
  bool was_sent_ = false;
};

TEST(Introduction, GoesToTheNextBackendWhenTheFirstResetsBeforeIt) {
  for (const bool speaks_tls : {false, true}) {
    SimulationOptions options = introducing();
    if (speaks_tls) options.backend_tls = BackendTls{};
    Simulation sim{options};
    Hosts hosts{sim};
    ResetAtOnce first{sim};
    Talk talk{sim, 3'000};
    const bool is_served = sim.run(
        [&] {
          first.step();
          hosts.step();
          return talk.done();
        },
        milliseconds{500});
    EXPECT_EQ(sim.stats().traffic.value(stats::Traffic::backend_retries), 1U);
    EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::backend_reset), 0U);
    std::uint64_t refused = 0;
    for (const auto& backend : sim.stats().backends) {
      refused += backend.value(stats::BackendCounter::refused);
    }
    EXPECT_EQ(refused, 1U);
    ASSERT_EQ(hosts.visits.size(), 1U);
    if (speaks_tls) {
      // What follows is a ClientHello, which such a host cannot read.
      const auto header = read_proxy_header(hosts.visits[0].heard);
      ASSERT_TRUE(header);
      ASSERT_GT(hosts.visits[0].heard.size(), header->len);
      EXPECT_EQ(hosts.visits[0].heard[header->len], 22);
    } else {
      EXPECT_TRUE(is_served) << talk.tls().error();
      expect_header_then(hosts.visits[0], pattern(3'000));
    }
  }
}

TEST(Introduction, GoesToTheNextBackendWhenTheFirstFallsSilentBeforeIt) {
  SimulationOptions options = introducing();
  options.send_buffer = 20;  // so the header never leaves
  options.tcp.keep_alive_seconds = 1;
  Simulation sim{options};
  Hosts hosts{sim};
  OpensslClient client{sim.connect()};
  sim.run([&] { return client.step(), !hosts.visits.empty(); }, seconds{1});
  ASSERT_EQ(hosts.visits.size(), 1U);
  sim.backends.silence(true);
  const auto timed_out = [&](std::size_t backend) {
    return sim.stats().backends[backend].value(stats::BackendCounter::timed_out);
  };
  EXPECT_TRUE(sim.run(
      [&] {
        client.step();
        return timed_out(0) + timed_out(1) == 2;
      },
      seconds{59}))
      << "by keep-alive, then by the time for its answer";
  EXPECT_EQ(sim.stats().traffic.value(stats::Traffic::backend_retries), 1U);
  EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::backend_timed_out), 0U);
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::backend_timed_out), 1U);
  EXPECT_TRUE(sim.run([&] { return client.step(), client.got_close_notify(); }, seconds{1}));
}

TEST(Introduction, ArrivesOnceWhateverTheNetworkDoes) {
  std::uint64_t repeated = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SimulationOptions options = introducing();
    options.seed = seed;
    options.faults = {.loss = 0.1, .duplication = 0.05, .reordering = 0.1};
    Simulation sim{options};
    Hosts hosts{sim};
    Talk talk{sim, 20'000, {.version = seed % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION}};
    ASSERT_TRUE(converse(sim, hosts, talk, seconds{120})) << seed << " " << talk.tls().error();
    EXPECT_TRUE(talk.correct()) << seed;
    std::size_t introduced = 0;
    for (const auto& visit : hosts.visits) {
      if (visit.heard.empty()) continue;  // given up before it was told anything
      expect_header_then(visit, pattern(20'000));
      ++introduced;
    }
    EXPECT_EQ(introduced, 1U) << seed;
    repeated += sim.stats().traffic.value(stats::Traffic::retransmitted_segments);
  }
  EXPECT_GT(repeated, 0U) << "nothing was lost";
}

TEST(Introduction, IsCutIntoSegmentsOfTheBackend) {
  SimulationOptions options = introducing();
  options.mtu = 576;
  options.alpn = {std::string(255, 'p')};
  Simulation sim{options};
  Hosts hosts{sim};
  OpensslClientOptions asks;
  asks.alpn = options.alpn[0];
  asks.server_name = std::string(60, 'a') + "." + std::string(60, 'b') + "." +
                     std::string(60, 'c') + "." + std::string(60, 'd');
  Talk talk{sim, 3'000, asks};
  ASSERT_TRUE(converse(sim, hosts, talk)) << talk.tls().error();
  ASSERT_EQ(hosts.visits.size(), 1U);
  const auto header = expect_header_then(hosts.visits[0], pattern(3'000));
  ASSERT_TRUE(header);
  EXPECT_GT(header->len, 576U);
  EXPECT_EQ(header->values[0x01], options.alpn[0]);
  EXPECT_EQ(header->values[0x02], asks.server_name);
}

TEST(Introduction, RepeatsNoNameThatIsNone) {
  for (const std::string name : {"\"quoted\"", "semi;colon", "\xc3\xa4.test"}) {
    Simulation sim{introducing()};
    Hosts hosts{sim};
    OpensslClientOptions options;
    options.server_name = name;
    Talk talk{sim, 100, options};
    ASSERT_TRUE(converse(sim, hosts, talk)) << name << talk.tls().error();
    ASSERT_EQ(hosts.visits.size(), 1U);
    const auto header = expect_header_then(hosts.visits[0], pattern(100));
    ASSERT_TRUE(header);
    EXPECT_FALSE(header->values.has(0x02)) << name;
  }
}

// What is kept of a ClientHello is kept until the backend knows it, not for as long as the
// connection lives: with a single place one client after the other is served.
TEST(Introduction, GivesBackItsPlace) {
  SimulationOptions options = introducing();
  options.worker.max_hello_notes = 1;
  Simulation sim{options};
  Hosts hosts{sim};
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 5; ++i) {
    talks.push_back(std::make_unique<Talk>(sim, 500));
    ASSERT_TRUE(converse(sim, hosts, *talks.back(), seconds{2})) << i;
  }
  EXPECT_EQ(sim.num_connections(), 5U);
  EXPECT_EQ(sim.stats().cookie_refusals.value(stats::CookieRefusal::no_slot), 0U);
}

TEST(Introduction, ClientsWaitUntilThereIsAPlace) {
  SimulationOptions options = introducing();
  options.worker.max_hello_notes = 1;
  Simulation sim{options};
  Hosts hosts{sim};
  sim.hold_jobs(true);  // so nobody gets beyond the ClientHello
  Talk first{sim, 500};
  Talk second{sim, 500};
  const auto both = [&] {
    hosts.step();
    const bool one = first.done();
    return second.done() && one;
  };
  sim.run(both, milliseconds{100});
  EXPECT_EQ(sim.num_connections(), 1U);
  EXPECT_EQ(sim.stats().cookie_refusals.value(stats::CookieRefusal::no_slot), 1U);
  sim.hold_jobs(false);
  EXPECT_TRUE(sim.run(both, seconds{5})) << "its host tries again";
  EXPECT_EQ(hosts.visits.size(), 2U);
}

CertificateOptions of_then(CertificateOptions options) {
  options.not_before = 1'699'000'000;
  options.not_after = 1'701'000'000;
  return options;
}

TEST_P(IntroductionOver, NamesTheHolderOfACertificate) {
  const Member root = issue(nullptr, of_then(authority_named("Root")));
  const Member member = issue(&root, of_then(client_named("client, 1")));
  SimulationOptions options = introducing();
  options.client_auth = tls::ClientAuthMode::optional;
  options.client_ca = pem_of(root.certificate.get());
  options.tickets = true;
  Simulation sim{options};
  Hosts hosts{sim};
  OpensslClientOptions with_certificate;
  with_certificate.version = GetParam();
  with_certificate.certificate = member.certificate.get();
  with_certificate.key = member.key.get();
  Talk first{sim, 500, with_certificate};
  ASSERT_TRUE(converse(sim, hosts, first)) << first.tls().error();
  const SslSession session = first.tls().take_session();
  ASSERT_NE(session, nullptr);
  with_certificate.session = session.get();
  Talk resumed{sim, 500, with_certificate};
  ASSERT_TRUE(converse(sim, hosts, resumed)) << resumed.tls().error();
  ASSERT_TRUE(resumed.tls().is_resumed());
  OpensslClientOptions without;
  without.version = GetParam();
  Talk stranger{sim, 500, without};
  ASSERT_TRUE(converse(sim, hosts, stranger)) << stranger.tls().error();

  std::array<unsigned char, 32> digest{};
  unsigned len = 0;
  X509_digest(member.certificate.get(), EVP_sha256(), digest.data(), &len);
  ASSERT_EQ(hosts.visits.size(), 3U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto header = expect_header_then(hosts.visits[i], pattern(500));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->client, i == 0 ? 7U : 5U) << "shown on this connection, or before";
    EXPECT_EQ(header->verify, 0U);
    EXPECT_EQ(header->tls[0x22], "client, 1");
    EXPECT_EQ(header->values[0xe2], hex(digest));
    EXPECT_EQ(header->values[0xe3], "CN=client\\, 1");
    EXPECT_EQ(header->tls.has(0x24), i == 0) << "ours is shown in a full handshake only";
  }
  const auto header = expect_header_then(hosts.visits[2], pattern(500));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->client, 1U);
  EXPECT_NE(header->verify, 0U);
  EXPECT_FALSE(header->values.has(0xe2));
}

// --- Fingerprints ------------------------------------------------------------------------------

SimulationOptions fingerprinting() {
  SimulationOptions options;
  options.fingerprints = true;
  options.proxy_protocol = true;
  return options;
}

// counted is how many clients have which JA4.
std::map<std::string, std::uint64_t> counted(Simulation& sim) {
  std::map<std::string, std::uint64_t> out;
  const auto& table = sim.worker().fingerprints();
  for (std::size_t i = 0; i < table.size(); ++i) {
    out[std::string{table.row(i).value.fingerprint.ja4()}] = table.row(i).count;
  }
  return out;
}

TEST(Fingerprints, AreCountedAndToldToTheBackend) {
  Simulation sim{fingerprinting()};
  Hosts hosts{sim};
  for (int i = 0; i < 3; ++i) {
    Talk talk{sim, 100, {.version = i < 2 ? TLS1_3_VERSION : TLS1_2_VERSION}};
    ASSERT_TRUE(converse(sim, hosts, talk)) << talk.tls().error();
  }
  const auto clients = counted(sim);
  ASSERT_EQ(clients.size(), 2U);
  ASSERT_EQ(hosts.visits.size(), 3U);
  std::vector<std::string> told;
  for (const auto& visit : hosts.visits) {
    const auto header = expect_header_then(visit, pattern(100));
    ASSERT_TRUE(header);
    told.push_back(header->values[0xe1]);
    EXPECT_EQ(header->values[0xe0].size(), 32U);
  }
  EXPECT_EQ(told[0], told[1]);
  EXPECT_EQ(told[0].substr(0, 4), "t13d");
  EXPECT_EQ(told[2].substr(0, 4), "t12d");
  EXPECT_EQ(clients.at(told[0]), 2U);
  EXPECT_EQ(clients.at(told[2]), 1U);
  EXPECT_EQ(sim.worker().fingerprints().row(0).value.server_name(), "sallyport.test");
}

TEST(Fingerprints, AreNotTakenWhereNobodyAsks) {
  Simulation sim{introducing()};
  Hosts hosts{sim};
  Talk talk{sim, 100};
  ASSERT_TRUE(converse(sim, hosts, talk));
  EXPECT_EQ(sim.worker().fingerprints().total(), 0U);
  const auto header = expect_header_then(hosts.visits.at(0), pattern(100));
  ASSERT_TRUE(header);
  EXPECT_FALSE(header->values.has(0xe0));
  EXPECT_FALSE(header->values.has(0xe1));
}

TEST(Fingerprints, AreTheSameHoweverTheClientHelloIsCut) {
  std::string whole;
  for (const std::size_t segment : {std::size_t{0}, std::size_t{90}, std::size_t{7}}) {
    Simulation sim{fingerprinting()};
    Hosts hosts{sim};
    OpensslClientOptions options;
    options.segment = segment;
    Talk talk{sim, 100, options};
    ASSERT_TRUE(converse(sim, hosts, talk)) << segment << talk.tls().error();
    const auto clients = counted(sim);
    ASSERT_EQ(clients.size(), 1U);
    if (whole.empty()) whole = clients.begin()->first;
    EXPECT_EQ(clients.begin()->first, whole) << segment;
    EXPECT_EQ(clients.begin()->second, 1U) << segment;
  }
}

TEST(Fingerprints, AreThoseOfTheFirstOfTwoClientHellos) {
  // OpenSSL sends a share of the first group alone, which is none of ours.
  OpensslClientOptions options;
  options.groups = "P-521:X25519";
  Simulation sim{fingerprinting()};
  Hosts hosts{sim};
  Talk talk{sim, 100, options};
  ASSERT_TRUE(converse(sim, hosts, talk)) << talk.tls().error();
  EXPECT_EQ(sim.stats().resumptions.value(stats::Resumption::tls13_retried), 1U);
  EXPECT_EQ(sim.worker().fingerprints().total(), 1U);
}

TEST(Fingerprints, AreCountedAlsoOfClientsThatFail) {
  Simulation sim{fingerprinting()};
  OpensslClientOptions options;
  options.groups = "P-521";
  OpensslClient client{sim.connect(), options};
  sim.run([&] { return client.step(), !client.error().empty(); }, seconds{2});
  EXPECT_FALSE(client.error().empty());
  EXPECT_EQ(sim.worker().fingerprints().total(), 1U);
}

TEST(Fingerprints, NeedNoPlaceOnceTheyAreCounted) {
  SimulationOptions options;
  options.fingerprints = true;  // and no backend wants to know
  options.worker.max_hello_notes = 1;
  Simulation sim{options};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 3; ++i) {
    talks.push_back(std::make_unique<Talk>(sim, 100));
    ASSERT_TRUE(sim.run([&] { return echo.step(), talks.back()->done(); }, seconds{2})) << i;
  }
  EXPECT_EQ(sim.num_connections(), 3U);
  EXPECT_EQ(sim.worker().fingerprints().total(), 3U);
}

}  // namespace
}  // namespace sallyport::testing
