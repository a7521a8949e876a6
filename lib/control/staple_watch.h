// StapleWatch: keeps the OCSP responses that listeners show as fresh as their files.  Some other
// program fetches them (`openssl ocsp`, certbot's hooks); whoever replaces a file need not tell us.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/units.h"
#include "lib/config/config.h"
#include "lib/control/compile.h"
#include "lib/control/file_version.h"

namespace sallyport::control {

class StapleWatch {
 public:
  // How often look() is worth calling.
  static constexpr seconds kInterval{10};

  explicit StapleWatch(const config::Config& config);

  [[nodiscard]] bool empty() const noexcept { return files_.empty(); }

  struct Outcome {
    bool changed = false;               // `of_listener` is not what it was
    std::vector<std::string> messages;  // what became of files that changed or went out of date
  };
  // look reads the files that have changed since it looked last, all of them the first time, puts
  // good responses into `of_listener` (parallel to Config::listeners) and takes those away that are
  // out of date: a client would refuse them, and without one it goes on.  What a new file says that
  // is no good is told, and the old response stays until its time is over.  `now` is Unix seconds.
  [[nodiscard]] Outcome look(std::vector<ListenerCredentials>& of_listener, std::int64_t now);

 private:
  struct File {
    std::string path;
    std::size_t listener = 0;
    std::size_t certificate = 0;  // index into the listener's credentials
    FileVersion version;          // of what was read last
    std::int64_t until = 0;       // Unix seconds; of the response that is shown, if one is
  };

  std::vector<File> files_;
};

}  // namespace sallyport::control
