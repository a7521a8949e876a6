// TLS handshakes, full and resumed: the server-side CPU of a Worker and its executor, TCP and the
// connection to a backend included, against libssl of the same OpenSSL.  Same client, same process,
// in turns of 64 interleaved handshakes, so that a noisy machine disturbs both alike; the figure is
// the median of the turns' ratios.
//
//   bench_handshake --elapsed NAME...   the same figures from elapsed time.  Otherwise it is CPU
//   time
//                                       that is measured: others on the machine do not count, but
//                                       reading that clock makes our handshakes a little dearer
//   bench_handshake --count N KIND      does N handshakes and nothing else, of the kind
//                                       tls13_ecdsa_full, tls12_ecdsa_full, tls13_psk or
//                                       tls12_ticket: for counting instructions
//   bench_handshake --fetch N tls13_ecdsa_full|tls13_rsa2048_full
//                                       prints the CPU nanoseconds that each of N connections took
//                                       from SYN to the last FIN, with a request and its answer:
//                                       for tests/bench/servers.py
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/base/check.h"
#include "tests/bench/metric.h"
#include "tests/support/certificates.h"
#include "tests/support/openssl_client.h"
#include "tests/support/simulation.h"

namespace sallyport::bench {
namespace {

using testing::OpensslClient;
using testing::Simulation;

constexpr int kInterleaved = 64;
constexpr int kTurns = 15;

enum class Clock : std::uint8_t { tsc, cpu_time };

// reading is in ticks or in nanoseconds.
std::uint64_t reading(Clock clock) {
  if (clock == Clock::tsc) return ticks();
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

struct Handshake {
  int version;
  crypto::KeyType key_type;
  const char* cipher;
  const char* groups;
  bool resumed = false;
};

// Ours: 64 clients at once, through TCP, up to the first byte at the backend.
class OurServer {
 public:
  explicit OurServer(const Handshake& h, Clock clock = Clock::tsc)
      : handshake_{h}, sim_{options(h, clock)} {
    for (std::size_t i = 0; i < 2; ++i) {
      sim_.backends.listen(sim_.backend(i),
                           [this](testing::Socket& socket) { accepted_.push_back(&socket); });
    }
    sim_.run_for(milliseconds{5});  // key shares are made ahead of time
    if (h.resumed) get_ticket();
  }
  // turn returns ticks per handshake.
  double turn(int count) {
    const auto clients = connect(count);
    const std::uint64_t established =
        sim_.stats().stages.value(stats::HandshakeStage::backend_established);
    const std::uint64_t before = sim_.worker_ticks;
    const bool all = sim_.run(
        [&] {
          for (auto& client : clients) client->step();
          return sim_.stats().stages.value(stats::HandshakeStage::backend_established) ==
                 established + static_cast<std::uint64_t>(count);
        },
        seconds{5});
    SALLYPORT_CHECK(all);
    SALLYPORT_CHECK(!handshake_.resumed || std::ranges::all_of(clients, [](const auto& client) {
      return client->is_resumed();
    }));
    // Key pairs that were used up are made again within the turn that used them.
    sim_.run_for(milliseconds{2});
    const auto spent = static_cast<double>(sim_.worker_ticks - before);
    for (auto& client : clients) client->socket().abort();
    sim_.run([&] { return sim_.worker().num_connections() == 0; }, seconds{5});
    accepted_.clear();
    return spent / count;
  }
  // fetch returns ticks per connection that asks, is answered, and is closed by the backend first,
  // as HTTP/1.0 does it.
  double fetch(int count) {
    const auto clients = connect(count);
    for (const auto& client : clients) client->write(kRequest);
    const std::uint64_t before = sim_.worker_ticks;
    const bool all = sim_.run(
        [&] {
          for (auto& client : clients) {
            client->step();
            if (!client->got_close_notify()) continue;
            client->shutdown();
            client->step();
            client->socket().close();
          }
          std::erase_if(accepted_, [](testing::Socket* socket) {
            if (socket->take_received().empty()) return false;
            socket->send({reinterpret_cast<const std::uint8_t*>(kAnswer.data()), kAnswer.size()});
            socket->close();
            return true;
          });
          return std::ranges::all_of(clients,
                                     [](const auto& client) { return client->socket().is_over(); });
        },
        seconds{5});
    SALLYPORT_CHECK(all);
    sim_.run_for(milliseconds{2});
    const auto spent = static_cast<double>(sim_.worker_ticks - before);
    SALLYPORT_CHECK(
        std::ranges::all_of(clients, [](const auto& client) { return client->text() == kAnswer; }));
    return spent / count;
  }

 private:
  static constexpr std::string_view kRequest =
      "GET / HTTP/1.0\r\nHost: 198.18.0.10:443\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
      "Connection: close\r\n\r\nok\n";

  static testing::SimulationOptions options(const Handshake& h, Clock clock) {
    testing::SimulationOptions o{.delay_us = 10, .key_type = h.key_type};
    o.nic_holds_frames = false;
    o.count_cpu_time = clock == Clock::cpu_time;
    o.tickets = h.resumed;
    o.compatible_suites = true;
    return o;
  }
  // get_ticket makes a full handshake.  All clients then use its ticket, as none of them minds.
  void get_ticket() {
    const auto clients = connect(1);
    const bool got = sim_.run(
        [&] {
          clients[0]->step();
          if (session_ == nullptr) session_ = clients[0]->take_session();
          return clients[0]->is_established() && session_ != nullptr;
        },
        seconds{5});
    SALLYPORT_CHECK(got);
    // OpenSSL spoils the session of a connection that ends without close_notify.
    clients[0]->shutdown();
    clients[0]->step();
    clients[0]->socket().abort();
    sim_.run([&] { return sim_.worker().num_connections() == 0; }, seconds{5});
    accepted_.clear();
  }
  std::vector<std::unique_ptr<OpensslClient>> connect(int count) {
    std::vector<std::unique_ptr<OpensslClient>> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<OpensslClient>(
          sim_.connect(), testing::OpensslClientOptions{.version = handshake_.version,
                                                        .cipher = handshake_.cipher,
                                                        .groups = handshake_.groups,
                                                        .session = session_.get()}));
    }
    return clients;
  }
  Handshake handshake_;
  testing::SslSession session_;
  std::vector<testing::Socket*> accepted_;
  Simulation sim_;
};

// Theirs: libssl on memory BIOs, without a session cache, and without tickets where none is used:
// as cheap as it gets.
class LibsslServer {
 public:
  explicit LibsslServer(const Handshake& h, Clock clock = Clock::tsc)
      : handshake_{h},
        clock_{clock},
        server_{SSL_CTX_new(TLS_server_method())},
        client_{SSL_CTX_new(TLS_client_method())} {
    const bool ecdsa = h.key_type == crypto::KeyType::ecdsa_p256;
    const auto key = ecdsa ? testing::make_ec_key() : testing::make_rsa_key(2048);
    const auto certificate = testing::make_certificate(key.get());
    SSL_CTX_use_certificate(server_, certificate.get());
    SSL_CTX_use_PrivateKey(server_, key.get());
    SSL_CTX_set_session_cache_mode(server_, SSL_SESS_CACHE_OFF);
    if (!h.resumed) {
      SSL_CTX_set_num_tickets(server_, 0);
      SSL_CTX_set_options(server_, SSL_OP_NO_TICKET);
    }
    for (SSL_CTX* context : {server_, client_}) {
      SSL_CTX_set_min_proto_version(context, h.version);
      SSL_CTX_set_max_proto_version(context, h.version);
      SSL_CTX_set1_groups_list(context, h.groups);
      if (h.version == TLS1_3_VERSION) {
        SSL_CTX_set_ciphersuites(context, h.cipher);
      } else {
        SSL_CTX_set_cipher_list(context, h.cipher);
      }
    }
    SSL_CTX_set_verify(client_, SSL_VERIFY_NONE, nullptr);
    if (h.resumed) get_ticket();
  }
  ~LibsslServer() {
    SSL_CTX_free(server_);
    SSL_CTX_free(client_);
  }
  LibsslServer(const LibsslServer&) = delete;
  LibsslServer& operator=(const LibsslServer&) = delete;

  double turn(int count) {
    std::vector<Pair> pairs;
    std::uint64_t spent = 0;
    const auto charged = [&](auto&& work) {
      const std::uint64_t begin = reading(clock_);
      work();
      spent += reading(clock_) - begin;
    };
    for (int i = 0; i < count; ++i) {
      pairs.push_back(make_pair(charged));
    }
    for (int round = 0; round < 4; ++round) {
      for (const Pair& pair : pairs) SSL_do_handshake(pair.client);
      charged([&] {
        for (const Pair& pair : pairs) SSL_do_handshake(pair.server);
      });
    }
    for (const Pair& pair : pairs) {
      SALLYPORT_CHECK(SSL_is_init_finished(pair.server) == 1);
      SALLYPORT_CHECK((SSL_session_reused(pair.server) == 1) == handshake_.resumed);
      SSL_free(pair.client);
    }
    charged([&] {
      for (const Pair& pair : pairs) SSL_free(pair.server);
    });
    return static_cast<double>(spent) / count;
  }

 private:
  struct Pair {
    SSL* client;
    SSL* server;
  };
  // make_pair joins a client and a server; charged(work) does the server's part.
  template <class Charge>
  Pair make_pair(const Charge& charged) {
    Pair pair{SSL_new(client_), nullptr};
    BIO* to_server = BIO_new(BIO_s_mem());
    BIO* to_client = BIO_new(BIO_s_mem());
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(pair.client, to_client, to_server);
    SSL_set_connect_state(pair.client);
    if (session_ != nullptr) {
      const testing::SslSession copy{SSL_SESSION_dup(session_.get())};
      SSL_set_session(pair.client, copy.get());
    }
    charged([&] {
      pair.server = SSL_new(server_);
      SSL_set_bio(pair.server, to_server, to_client);
      SSL_set_accept_state(pair.server);
    });
    return pair;
  }
  void get_ticket() {
    const Pair pair = make_pair([](auto&& work) { work(); });
    for (int round = 0; round < 4; ++round) {
      SSL_do_handshake(pair.client);
      SSL_do_handshake(pair.server);
    }
    char byte = 0;
    SSL_read(pair.client, &byte, 1);  // takes in the tickets of TLS 1.3
    session_.reset(SSL_get1_session(pair.client));
    SALLYPORT_CHECK(SSL_SESSION_is_resumable(session_.get()) == 1);
    SSL_shutdown(pair.client);
    SSL_free(pair.client);
    SSL_free(pair.server);
  }

  Handshake handshake_;
  Clock clock_;
  SSL_CTX* server_;
  SSL_CTX* client_;
  testing::SslSession session_;
};

double ratio(const Handshake& h, Clock clock) {
  OurServer ours{h, clock};
  LibsslServer theirs{h, clock};
  (void)ours.turn(kInterleaved);
  (void)theirs.turn(kInterleaved);
  std::vector<double> ratios;
  std::vector<double> own;
  std::vector<double> other;
  for (int i = 0; i < kTurns; ++i) {
    own.push_back(ours.turn(kInterleaved));
    other.push_back(theirs.turn(kInterleaved));
    ratios.push_back(other.back() / own.back());
  }
  const char* const unit = clock == Clock::tsc ? "ticks" : "ns";
  std::fprintf(stderr, "   ours %.0f %s, libssl %.0f %s a handshake (medians)\n", median(own), unit,
               median(other), unit);
  return median(ratios);
}

constexpr Handshake kTls13Ecdsa{TLS1_3_VERSION, crypto::KeyType::ecdsa_p256,
                                "TLS_AES_128_GCM_SHA256", "X25519"};
constexpr Handshake kTls13Rsa{TLS1_3_VERSION, crypto::KeyType::rsa, "TLS_AES_128_GCM_SHA256",
                              "X25519"};
constexpr Handshake kTls12Ecdsa{TLS1_2_VERSION, crypto::KeyType::ecdsa_p256,
                                "ECDHE-ECDSA-AES128-GCM-SHA256", "P-256"};
constexpr Handshake kTls12Rsa{TLS1_2_VERSION, crypto::KeyType::rsa, "ECDHE-RSA-AES128-GCM-SHA256",
                              "P-256"};
constexpr Handshake kTls12RsaKeyExchange{TLS1_2_VERSION, crypto::KeyType::rsa, "AES128-GCM-SHA256",
                                         "P-256"};
constexpr Handshake kTls13Psk{TLS1_3_VERSION, crypto::KeyType::ecdsa_p256, "TLS_AES_128_GCM_SHA256",
                              "X25519", true};
constexpr Handshake kTls12Ticket{TLS1_2_VERSION, crypto::KeyType::ecdsa_p256,
                                 "ECDHE-ECDSA-AES128-GCM-SHA256", "P-256", true};

const Handshake& handshake_of(std::string_view kind) {
  if (kind == "tls12_ecdsa_full") return kTls12Ecdsa;
  if (kind == "tls13_psk") return kTls13Psk;
  if (kind == "tls12_ticket") return kTls12Ticket;
  SALLYPORT_CHECK(kind == "tls13_ecdsa_full");
  return kTls13Ecdsa;
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  if (argc == 4 && std::string_view{argv[1]} == "--count") {
    OurServer ours{handshake_of(argv[3])};
    (void)ours.turn(std::atoi(argv[2]));
    return 0;
  }
  if (argc == 4 && std::string_view{argv[1]} == "--fetch") {
    const std::string_view kind{argv[3]};
    SALLYPORT_CHECK(kind == "tls13_ecdsa_full" || kind == "tls13_rsa2048_full");
    OurServer ours{kind == "tls13_ecdsa_full" ? kTls13Ecdsa : kTls13Rsa, Clock::cpu_time};
    (void)ours.fetch(kInterleaved);
    const int turns = std::max(1, std::atoi(argv[2]) / kInterleaved);
    double sum = 0;
    for (int i = 0; i < turns; ++i) sum += ours.fetch(kInterleaved);
    std::printf("%.0f\n", sum / turns);
    return 0;
  }
  Clock clock = Clock::cpu_time;
  if (argc > 1 && std::string_view{argv[1]} == "--elapsed") {
    clock = Clock::tsc;
    ++argv;
    --argc;
  }
  const auto figure = [clock](const Handshake& h) {
    return [&h, clock] { return ratio(h, clock); };
  };
  return run(argc, argv,
             {{"tls13_ecdsa_full_vs_libssl", "ratio", figure(kTls13Ecdsa)},
              {"tls13_rsa2048_full_vs_libssl", "ratio", figure(kTls13Rsa)},
              {"tls12_ecdhe_ecdsa_full_vs_libssl", "ratio", figure(kTls12Ecdsa)},
              {"tls12_rsa_full_vs_libssl", "ratio", figure(kTls12Rsa)},
              {"tls12_rsa_key_exchange_full_vs_libssl", "ratio", figure(kTls12RsaKeyExchange)},
              {"tls13_psk_dhe_vs_libssl", "ratio", figure(kTls13Psk)},
              {"tls12_ticket_vs_libssl", "ratio", figure(kTls12Ticket)}});
}
