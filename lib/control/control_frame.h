// ControlFrame: a small frame between the control thread and a port, by value.
#pragma once
#include <array>
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport::control {

struct ControlFrame {
  static constexpr std::size_t kMaxBytes = 128;

  std::uint8_t port = 0;   // index into Config::ports
  std::uint16_t vlan = 0;  // tag that the port has stripped, or has to insert; 0: none
  std::uint16_t len = 0;
  std::array<std::uint8_t, kMaxBytes> bytes{};

  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes}.first(len); }
};

}  // namespace sallyport::control
