// What ten thousand certificates cost an operator: the time from the text of the configuration to
// key stores that are ready to sign, and the memory that is held afterwards.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

#include "lib/config/credentials.h"
#include "lib/config/load.h"
#include "lib/control/compile.h"
#include "lib/control/identities.h"
#include "lib/offload/executor.h"
#include "tests/bench/metric.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::bench {
namespace {

constexpr int kCertificates = 10'000;

// Files holds the certificates, each for a name of its own, with a key of its own, signed by one
// authority that is sent along.
class Files {
 public:
  Files() {
    using namespace sallyport::testing;
    const std::time_t now = std::time(nullptr);
    const auto authority_key = make_ec_key();
    CertificateOptions options;
    options.common_name = "Authority";
    options.not_before = now - 1'000;
    options.not_after = now + 100'000'000;
    options.authority = true;
    const auto authority = make_certificate(authority_key.get(), options);
    const std::string issuer = pem_of(authority.get());
    text_ = R"(
[[port]]
name = "wan0"
device = "net_tap0"
[[interface]]
port = "wan0"
addresses = "198.18.0.1/24"
[[pool]]
name = "web"
backends = [{ address = "198.18.0.20:8080" }]
[[listener]]
name = "web"
address = "198.18.0.10:443"
pool = "web"
tls.certificates = [
)";
    for (int i = 0; i < kCertificates; ++i) {
      const std::string number = std::to_string(i);
      CertificateOptions leaf;
      leaf.common_name = "site" + number + ".test";
      leaf.alternatives = "DNS:site" + number + ".test,DNS:*.site" + number + ".test";
      leaf.not_before = now - 1'000;
      leaf.not_after = now + 50'000'000;
      leaf.issuer = authority.get();
      leaf.issuer_key = authority_key.get();
      const auto key = make_ec_key();
      const auto certificate = make_certificate(key.get(), leaf);
      const std::string chain =
          directory_.write(number + ".pem", pem_of(certificate.get()) + issuer);
      const std::string secret = directory_.write(number + ".key", pem_of(key.get()));
      text_ += "{ chain = \"" + chain + "\", key = \"" + secret + "\" },\n";
    }
    text_ += "]\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  testing::TemporaryDirectory directory_;
  std::string text_;
};

struct Cost {
  double seconds = 0;
  double bytes_each = 0;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_certificates: %s\n", why.c_str());
  std::exit(1);
}

Cost load(const Files& files) {
  const std::size_t before = ::mallinfo2().uordblks;
  const auto begin = std::chrono::steady_clock::now();
  config::Parsed parsed = config::parse(files.text(), "/etc/sallyport/sallyport.toml");
  if (!parsed.ok()) give_up(parsed.diagnostics.text());
  const std::int64_t now = std::time(nullptr);
  control::Identities identities = control::identify(
      parsed.config,
      config::load_credentials(parsed.config, parsed.positions, now, parsed.diagnostics), 1, now);
  if (parsed.diagnostics.has_errors()) give_up(parsed.diagnostics.text());
  const control::PortFacts port{MacAddress{{2, 0, 0, 0, 0, 1}}};
  const control::Compiled compiled = control::compile({.config = parsed.config,
                                                       .ports = {&port, 1},
                                                       .credentials = identities.of_listener,
                                                       .tsc_rate = {.hz = 2'000'000'000}});
  offload::Executor executor;
  for (const auto& key : identities.keys) {
    if (!executor.keys().add(key.id, key.key)) give_up("a key was not taken");
  }
  identities = {};
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  // What is held now is what the daemon holds: configuration, snapshot and one key store.
  const std::size_t after = ::mallinfo2().uordblks;
  const tls::CredentialSet& set = compiled.listeners->at(0).tls->credentials;
  if (set.exact("site9999.test").size() != 1) give_up("a name was not found");
  return {took.count(), static_cast<double>(after - before) / kCertificates};
}

const Cost& cost() {
  static const Cost measured = load(Files{});
  return measured;
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  return run(argc, argv,
             {{"certificates_10k_load_seconds", "s", [] { return cost().seconds; }},
              {"certificate_bytes", "bytes", [] { return cost().bytes_each; }}});
}
