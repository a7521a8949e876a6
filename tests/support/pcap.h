// PcapWriter: frames of a virtual run, for Wireshark.  Nanosecond format, Ethernet; time counts
// from the beginning of the run.
#pragma once
#include <cstdio>
#include <memory>
#include <string>

#include "lib/base/byteorder.h"
#include "lib/base/units.h"

namespace sallyport::testing {

class PcapWriter {
 public:
  PcapWriter() = default;  // writes nothing
  explicit PcapWriter(const std::string& path);
  // from_environment writes to the file that SALLYPORT_PCAP names, if it names one.
  [[nodiscard]] static PcapWriter from_environment();

  void write(ByteView frame, Nanos at);
  [[nodiscard]] bool is_open() const { return file_ != nullptr; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace sallyport::testing
