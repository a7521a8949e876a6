#include "lib/control/staple_watch.h"

#include <utility>

#include "lib/control/certificate_compression.h"
#include "lib/x509/staple.h"

namespace sallyport::control {

StapleWatch::StapleWatch(const config::Config& config) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& certificates = config.listeners[i].tls.certificates;
    for (std::size_t j = 0; j < certificates.size(); ++j) {
      if (certificates[j].ocsp.empty()) continue;
      files_.push_back(
          {.path = certificates[j].ocsp, .listener = i, .certificate = j, .version = {}});
    }
  }
}

StapleWatch::Outcome StapleWatch::look(std::vector<ListenerCredentials>& of_listener,
                                       std::int64_t now) {
  Outcome outcome;
  for (File& file : files_) {
    tls::Credential& credential = of_listener[file.listener][file.certificate];
    const auto show = [&](std::vector<std::uint8_t> staple) {
      credential.staple = std::move(staple);
      if (!credential.compressed.empty()) compress(credential);
      outcome.changed = true;
    };
    // A file that is gone has no version; what is shown goes on until its time is over.
    const FileVersion version = FileVersion::of(file.path);
    if (version != file.version && version != FileVersion{}) {
      file.version = version;
      x509::LoadedStaple loaded = x509::load_staple(file.path, credential.chain, now);
      if (loaded) {
        file.until = loaded.staple->next_update;
        outcome.messages.push_back(file.path + ": is shown from now on");
        show(std::move(loaded.staple->der));
      } else {
        outcome.messages.push_back(std::move(loaded.message));
      }
    }
    if (!credential.staple.empty() && now > file.until) {
      outcome.messages.push_back(file.path + ": is out of date and shown no longer");
      show({});
    }
  }
  return outcome;
}

}  // namespace sallyport::control
