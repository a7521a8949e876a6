// What TLS with a backend costs, in instructions of the worker and its executor:
//
//   bench_backend_tls KIND N BYTES    N connections, one after the other, that fetch so many bytes
//                                     from a backend; KIND is plain, full or resumed
//
// To be run under callgrind as scripts/bench.sh runs bench_handshake: the difference of two runs
// leaves out what is done once.  What the verifier does is not counted, as it runs elsewhere.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "lib/base/check.h"
#include "tests/support/openssl_backend.h"
#include "tests/support/openssl_client.h"

namespace sallyport::testing {
namespace {

enum class Kind : std::uint8_t { plain, full, resumed };

CertificateOptions valid(const char* name) {
  CertificateOptions options;
  options.common_name = name;
  options.alternatives = std::string{"DNS:"} + name;
  options.not_before = 1'699'000'000;
  options.not_after = 1'701'000'000;
  return options;
}

void run(Kind kind, int connections, std::size_t bytes) {
  CertificateOptions authority = valid("root.test");
  authority.alternatives.clear();
  authority.authority = true;
  const Member root = issue(nullptr, authority);
  const Member server = issue(&root, valid("backend.test"));
  SimulationOptions options{.delay_us = 10, .nic_holds_frames = false};
  if (kind != Kind::plain) {
    options.backend_tls = BackendTls{};
    options.backend_tls->ca = pem_of(root.certificate.get());
  }
  Simulation sim{options};
  OpensslBackendOptions speaking{.version = TLS1_3_VERSION, .tickets = kind == Kind::resumed};
  speaking.page = bytes;
  speaking.plaintext = kind == Kind::plain;
  OpensslBackend backend{sim, server, speaking, {0}};
  sim.backends.stop_listening(sim.backend(1));
  for (int i = 0; i < connections; ++i) {
    OpensslClient client{sim.connect()};
    client.write("GET / HTTP/1.0\r\n\r\n");
    const bool done = sim.run(
        [&] {
          client.step();
          backend.step();
          return client.got_close_notify();
        },
        seconds{10});
    SALLYPORT_CHECK(done && client.received().size() == bytes);
    client.shutdown();
    client.step();
    client.socket().close();
    sim.run(
        [&] {
          backend.step();
          return sim.num_connections() == 0;
        },
        seconds{10});
  }
  const std::size_t resumed = kind == Kind::resumed ? static_cast<std::size_t>(connections) - 1 : 0;
  SALLYPORT_CHECK(backend.num_resumed() == resumed);
}

}  // namespace
}  // namespace sallyport::testing

int main(int argc, char** argv) {
  using namespace sallyport::testing;
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_backend_tls plain|full|resumed CONNECTIONS BYTES\n");
    return 2;
  }
  const std::string_view name{argv[1]};
  const Kind kind = name == "plain" ? Kind::plain : name == "full" ? Kind::full : Kind::resumed;
  run(kind, std::atoi(argv[2]), static_cast<std::size_t>(std::atoll(argv[3])));
  return 0;
}
