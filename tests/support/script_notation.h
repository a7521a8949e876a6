// The notation of tcp_script.h: one line of a script as values, and a segment as text.
//
// Numbers are relative, as in packetdrill: a sequence number counts from the initial one of its
// sender, which is 0.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/units.h"
#include "lib/tcp/segment.h"
#include "lib/wire/ip.h"

namespace sallyport::testing {

inline constexpr tcp::Flags kUrg{0x20};

// Options of a segment.
struct ScriptOptions {
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  struct Timestamps {
    std::int64_t val = 0;
    std::int64_t ecr = 0;
    friend bool operator==(const Timestamps&, const Timestamps&) = default;
  };
  std::optional<Timestamps> timestamps;
  struct Block {
    std::int64_t left = 0;
    std::int64_t right = 0;
    friend bool operator==(const Block&, const Block&) = default;
  };
  std::vector<Block> sack;
};

// ScriptSegment is one segment, or several that follow each other: a flight.
struct ScriptSegment {
  enum class Options : std::uint8_t {
    unsaid,  // none, but timestamps do not matter
    any,     // <...>
    exact,
  };

  tcp::Flags flags;
  std::int64_t seq = 0;
  std::uint32_t len = 0;
  std::uint32_t piece = 0;  // payload of each segment of a flight; 0: it is a single one
  std::optional<std::int64_t> ack;
  std::optional<std::uint16_t> window;  // as it stands in the header
  Options options_are = Options::unsaid;
  ScriptOptions options;
  std::optional<wire::Ecn> ecn;

  // pieces are the segments of a flight.  PSH and FIN belong to the last one.
  [[nodiscard]] std::vector<ScriptSegment> pieces() const;
};

// ScriptIcmp is a message of a router about the segment [seq, seq+len) of the host.
struct ScriptIcmp {
  std::int64_t seq = 0;
  std::uint32_t len = 0;
  std::uint16_t mtu = 0;
};

// ScriptTime: when something happens, or the span in which it is expected.
struct ScriptTime {
  bool is_relative = true;
  Nanos first{0};
  Nanos last{0};
};

struct ScriptLine {
  enum class Kind : std::uint8_t { blank, inject, icmp, expect, expect_any, assert_value, command };
  Kind kind = Kind::blank;
  ScriptTime time;
  ScriptSegment segment;
  ScriptIcmp icmp;
  std::vector<std::string> words;  // of a command; of an assertion: name and value
};

// parse_script_line reads one line.  The error says what was expected and where.
struct ScriptParse {
  ScriptLine line;
  std::string error;  // empty: well-formed
};
[[nodiscard]] ScriptParse parse_script_line(std::string_view text);

// format writes a segment as a script would.
[[nodiscard]] std::string format(const ScriptSegment& segment);
// format_time writes seconds, with microseconds.
[[nodiscard]] std::string format_time(Nanos time);

// difference names the first thing in which `seen` is not what `expected` says; empty: none.
[[nodiscard]] std::string difference(const ScriptSegment& expected, const ScriptSegment& seen);

}  // namespace sallyport::testing
