// What listeners ask of their clients, and the files that decide about them.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/units.h"
#include "lib/config/config.h"
#include "lib/control/compile.h"
#include "lib/control/file_version.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

// ask_clients makes a listener ask, if there is an authority, and puts all that decides about
// clients into the domain of its tickets: whoever was let in before it changed is asked again.
void ask_clients(config::ClientCertificates wanted, const x509::ClientAuthority* authority,
                 crypto::AuthorityId id, tls::ServerConfig& tls);

// AuthorityWatch reads files of authorities and of revocations again when they change.
class AuthorityWatch {
 public:
  // How often look() is worth calling.
  static constexpr seconds kInterval{10};

  // The files were read just before.
  explicit AuthorityWatch(const config::Config& config);

  [[nodiscard]] bool empty() const noexcept { return watched_.empty(); }

  struct Outcome {
    std::vector<std::size_t> changed;   // places in `clients` that are not what they were
    std::vector<std::string> messages;  // what became of files that changed
  };
  // look replaces what has changed.  A file that is no good is told, and what was read before holds
  // on.
  [[nodiscard]] Outcome look(ClientAuthorities& clients);

 private:
  struct Watched {
    std::size_t listener = 0;
    x509::ClientAuthority::Files files;
    FileVersion authorities;
    FileVersion revocations;
  };
  std::vector<Watched> watched_;
};

}  // namespace sallyport::control
