#include "lib/config/credentials.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "lib/config/text.h"
#include "lib/x509/locked_file.h"
#include "lib/x509/staple.h"

namespace sallyport::config {
namespace {

// is_key_error: the key file's line is the one to correct.
bool is_key_error(x509::LoadError error) { return error >= x509::LoadError::key_unreadable; }

bool others_may_read(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

class Loader {
 public:
  Loader(const Config& config, const Positions& positions, std::int64_t now,
         Diagnostics& diagnostics)
      : config_{config}, positions_{positions}, now_{now}, diagnostics_{diagnostics} {}

  LoadedCredentials run() {
    read_files();
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const auto& files = config_.listeners[i].tls.certificates;
      auto& indices = loaded_.of_listener.emplace_back();
      for (std::size_t j = 0; j < files.size(); ++j) {
        const std::string path =
            "listener[" + std::to_string(i) + "].tls.certificates[" + std::to_string(j) + "]";
        if (const auto index = load(files[j], path)) indices.push_back(*index);
      }
      judge_use(config_.listeners[i].tls, indices, "listener[" + std::to_string(i) + "].tls");
      loaded_.authorities.push_back(
          load_authority(config_.listeners[i].tls, "listener[" + std::to_string(i) + "].tls"));
    }
    for (std::size_t i = 0; i < config_.pools.size(); ++i) {
      loaded_.servers.push_back(
          load_authority(config_.pools[i].tls, "pool[" + std::to_string(i) + "].tls"));
    }
    return std::move(loaded_);
  }

 private:
  using Files = std::pair<std::string, std::string>;
  // Pair is what became of one pair of files.
  struct Pair {
    x509::Loaded loaded;
    bool is_taken = false;  // `index` says what was made of it
    std::optional<std::size_t> index;
  };

  // read_files loads each pair once, by as many threads as pay: with ten thousand certificates the
  // time goes into parsing them.
  void read_files() {
    std::vector<const Files*> order;
    for (const Listener& listener : config_.listeners) {
      for (const CertificateFiles& files : listener.tls.certificates) {
        const auto [pair, is_new] = pairs_.try_emplace({files.chain, files.key});
        if (is_new) order.push_back(&pair->first);
      }
    }
    std::atomic<std::size_t> next = 0;
    const auto read = [&] {
      x509::CredentialLoader loader;
      for (std::size_t i = next++; i < order.size(); i = next++) {
        const auto& [chain, key] = *order[i];
        pairs_.find(*order[i])->second.loaded =
            loader.load(chain, key, {.now = now_, .passphrase = {}});
      }
    };
    constexpr std::size_t kPairsPerThread = 100;
    const std::size_t num_threads =
        std::min<std::size_t>(order.size() / kPairsPerThread, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < num_threads; ++i) threads.emplace_back(read);
    read();
    for (std::thread& thread : threads) thread.join();
  }

  // load returns the index of the credential.  What is wrong with a pair of files is told once.
  std::optional<std::size_t> load(const CertificateFiles& files, const std::string& path) {
    Pair& pair = pairs_.find({files.chain, files.key})->second;
    if (std::exchange(pair.is_taken, true)) return pair.index;
    x509::Loaded& loaded = pair.loaded;
    if (!loaded) {
      diagnostics_.error(positions_.of(path + (is_key_error(loaded.error) ? ".key" : ".chain")),
                         std::move(loaded.message), {});
      return std::nullopt;
    }
    judge(*loaded.credential, files, path);
    if (!files.ocsp.empty()) judge_staple(*loaded.credential, files, path);
    pair.index = loaded_.credentials.size();
    loaded_.credentials.push_back(std::move(*loaded.credential));
    return pair.index;
  }

  std::shared_ptr<const x509::ClientAuthority> load_authority(const Tls& tls,
                                                              const std::string& path) {
    if (tls.client_certificates == ClientCertificates::off) return nullptr;
    x509::ClientAuthority::Loaded loaded = x509::ClientAuthority::load(client_files(tls));
    if (!loaded) {
      const char* const key = loaded.is_about_revocations ? ".client_crl" : ".client_ca";
      diagnostics_.error(positions_.of(path + key), std::move(loaded.message), {});
      return nullptr;
    }
    return std::make_shared<const x509::ClientAuthority>(std::move(*loaded.authority));
  }

  std::shared_ptr<const x509::ServerAuthority> load_authority(const std::optional<PoolTls>& tls,
                                                              const std::string& path) {
    if (!tls) return nullptr;
    x509::ServerAuthority::Loaded loaded =
        x509::ServerAuthority::load({.authorities = tls->ca,
                                     .name = tls->server_name,
                                     .anybody = tls->verify == VerifyServer::off});
    if (!loaded) {
      diagnostics_.error(positions_.of(path + (tls->ca.empty() ? "" : ".ca")),
                         std::move(loaded.message), {});
      return nullptr;
    }
    return std::make_shared<const x509::ServerAuthority>(std::move(*loaded.authority));
  }

  // judge says what speaks against a credential that is whole in itself.
  void judge(const x509::Credential& credential, const CertificateFiles& files,
             const std::string& path) {
    if (credential.key_type == crypto::KeyType::rsa && !config_.dataplane.allow_rsa_on_io) {
      diagnostics_.error(
          positions_.of(path + ".chain"),
          in_quotes(files.chain) + " has an RSA key, and I/O cores may not sign with RSA",
          "Use an ECDSA certificate, or set dataplane.allow_rsa_on_io = true: "
          "packets then wait for every signature.");
    }
    if (!credential.may_sign) {
      diagnostics_.warning(
          positions_.of(path + ".chain"),
          in_quotes(files.chain) + " may decrypt and not sign, by its keyUsage",
          "Only RSA key exchange can use it, which the policy \"compatible\" alone has: have it "
          "issued with digitalSignature, or name another certificate for all other clients.");
    }
    constexpr std::int64_t kDay = 24 * 3600;
    constexpr std::int64_t kWarnBefore = 14 * kDay;
    if (credential.not_after - now_ < kWarnBefore) {
      diagnostics_.warning(positions_.of(path + ".chain"),
                           in_quotes(files.chain) + " expires in " +
                               std::to_string((credential.not_after - now_) / kDay) + " days",
                           "Renew it.");
    }
    if (others_may_read(files.key)) {
      diagnostics_.warning(positions_.of(path + ".key"),
                           "every user of this machine may read " + in_quotes(files.key),
                           "Take the permission away: chmod o-r.");
    }
  }

  // judge_use: [RFC 5246 7.4.2] somebody has to be served with the certificates of a listener.
  void judge_use(const Tls& tls, const std::vector<std::size_t>& indices, const std::string& path) {
    const auto may_sign = [this](std::size_t index) { return loaded_.credentials[index].may_sign; };
    if (indices.empty() || tls.policy == TlsPolicy::compatible) return;
    if (std::ranges::any_of(indices, may_sign)) return;
    diagnostics_.error(positions_.of(path + ".certificates[0].chain"),
                       "none of the listener's certificates may sign, by their keyUsage",
                       "Have one issued with digitalSignature; RSA key exchange, which does "
                       "without, is in the policy \"compatible\" alone.");
  }

  // Clients do without a staple, so that a bad one is no reason not to start.
  void judge_staple(const x509::Credential& credential, const CertificateFiles& files,
                    const std::string& path) {
    x509::LoadedStaple loaded = x509::load_staple(files.ocsp, credential.chain, now_);
    if (loaded) return;
    diagnostics_.warning(positions_.of(path + ".ocsp"), std::move(loaded.message),
                         "Until the file is replaced, clients see the certificate without it.");
  }

  const Config& config_;
  const Positions& positions_;
  std::int64_t now_;
  Diagnostics& diagnostics_;
  std::map<Files, Pair> pairs_;
  LoadedCredentials loaded_;
};

}  // namespace

x509::ClientAuthority::Files client_files(const Tls& tls) {
  return {.authorities = tls.client_ca, .revocations = tls.client_crl, .depth = tls.client_depth};
}

LoadedCredentials load_credentials(const Config& config, const Positions& positions,
                                   std::int64_t now, Diagnostics& diagnostics) {
  return Loader{config, positions, now, diagnostics}.run();
}

std::vector<std::uint8_t> load_cluster_secret(const Config& config, const Positions& positions,
                                              Diagnostics& diagnostics) {
  const std::string& path = config.cluster.secret_file;
  if (path.empty()) return {};
  constexpr std::size_t kMostBytes = 4096;
  const Position at = positions.of("cluster.secret_file");
  const std::string remedy = "Make one: head -c 32 /dev/urandom > " + path;
  const x509::LockedFile file{path};
  const int error = file.bytes().size() > kMostBytes ? EFBIG : file.error();
  if (error != 0) {
    const std::string problem = error == EFBIG
                                    ? "longer than " + std::to_string(kMostBytes) + " bytes"
                                    : std::strerror(error);
    diagnostics.error(at, "the cluster secret " + in_quotes(path) + " cannot be read: " + problem,
                      remedy);
    return {};
  }
  std::vector<std::uint8_t> secret{file.bytes().begin(), file.bytes().end()};
  if (secret.size() < kMinClusterSecretBytes) {
    diagnostics.error(at,
                      "the cluster secret " + in_quotes(path) + " has " +
                          std::to_string(secret.size()) + " bytes; it needs 32 or more",
                      remedy);
    return {};
  }
  if (others_may_read(path)) {
    diagnostics.warning(at, "every user of this machine may read " + in_quotes(path),
                        "Take the permission away: chmod o-r.");
  }
  return secret;
}

}  // namespace sallyport::config
