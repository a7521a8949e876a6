#include "app/sallyport/profile.h"

#include <toml++/toml.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace sallyport {
namespace {

struct Switch {
  std::string_view key;
  bool dpdk::PortProfile::*member;
};
constexpr auto kSwitches = std::to_array<Switch>({
    {"rx_checksum", &dpdk::PortProfile::rx_checksum},
    {"tx_checksum", &dpdk::PortProfile::tx_checksum},
    {"vlan_strip", &dpdk::PortProfile::vlan_strip},
    {"vlan_insert", &dpdk::PortProfile::vlan_insert},
    {"multi_segment", &dpdk::PortProfile::multi_segment},
    {"rss", &dpdk::PortProfile::rss},
    {"all_multicast", &dpdk::PortProfile::all_multicast},
    {"promiscuous", &dpdk::PortProfile::promiscuous},
});

std::string at(const std::string& file, const toml::source_region& where) {
  return file + ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column) +
         ": error: ";
}

dpdk::Failure apply(std::string_view key, const toml::node& value, const std::string& file,
                    dpdk::PortProfile& profile) {
  const std::string where = at(file, value.source());
  if (key == "burst") {
    constexpr std::int64_t kMaxBurst = 64;
    const auto burst = value.value_exact<std::int64_t>();
    if (!burst || *burst < 1 || *burst > kMaxBurst) {
      return where + "burst is a whole number from 1 to 64";
    }
    profile.burst = static_cast<std::uint16_t>(*burst);
    return {};
  }
  for (const Switch& known : kSwitches) {
    if (key != known.key) continue;
    const auto on = value.value_exact<bool>();
    if (!on) return where + std::string{key} + " is true or false";
    profile.*known.member = *on;
    return {};
  }
  return where + "unknown key \"" + std::string{key} + "\"; drivers-config/README.md lists them";
}

}  // namespace

dpdk::Failure parse_profile(std::string_view text, const std::string& file,
                            dpdk::PortProfile& profile) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return at(file, parsed.error().source()) + std::string{parsed.error().description()};
  }
  for (const auto& [key, value] : parsed.table()) {
    if (dpdk::Failure failure = apply(key.str(), value, file, profile)) return failure;
  }
  return {};
}

dpdk::Failure load_profile(const std::string& name, const std::string& configuration_file,
                           dpdk::PortProfile& profile) {
  if (name.empty()) return {};
  const std::filesystem::path beside =
      std::filesystem::path{configuration_file}.parent_path() / "drivers-config";
  std::string looked;
  for (const std::filesystem::path& directory :
       {beside, std::filesystem::path{SALLYPORT_INSTALLED_PROFILES},
        std::filesystem::path{SALLYPORT_SOURCE_PROFILES}}) {
    const std::filesystem::path path = directory / (name + ".toml");
    looked += (looked.empty() ? "" : ", ") + path.string();
    std::ifstream file{path};
    if (!file) continue;
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    profile.name = name;
    return parse_profile(text, path.string(), profile);
  }
  return "no profile \"" + name + "\"; looked for " + looked;
}

}  // namespace sallyport
