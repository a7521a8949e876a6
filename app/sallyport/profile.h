// Profiles of devices: files of drivers-config/ (its README.md says what they may hold).
#pragma once
#include <string>
#include <string_view>

#include "lib/dpdk/port.h"

namespace sallyport {

// parse_profile reads the text of `file` into `profile`; only what it names is changed.
[[nodiscard]] dpdk::Failure parse_profile(std::string_view text, const std::string& file,
                                          dpdk::PortProfile& profile);

// load_profile finds the profile `name`: in drivers-config/ beside `configuration_file`, else where
// the program was installed, else where it was built.  An empty name is the default profile.
[[nodiscard]] dpdk::Failure load_profile(const std::string& name,
                                         const std::string& configuration_file,
                                         dpdk::PortProfile& profile);

}  // namespace sallyport
