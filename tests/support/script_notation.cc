#include "tests/support/script_notation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace sallyport::testing {
namespace {

constexpr std::string_view kBlanks = " \t";

struct FlagLetter {
  char letter;
  tcp::Flags flag;
};
constexpr std::array<FlagLetter, 8> kFlagLetters{{{'S', tcp::kSyn},
                                                  {'F', tcp::kFin},
                                                  {'R', tcp::kRst},
                                                  {'P', tcp::kPsh},
                                                  {'U', kUrg},
                                                  {'E', tcp::kEce},
                                                  {'W', tcp::kCwr},
                                                  {'.', tcp::kAck}}};

struct EcnWord {
  std::string_view word;
  wire::Ecn ecn;
};
constexpr std::array<EcnWord, 4> kEcnWords{{{"noecn", wire::Ecn::not_ect},
                                            {"ect0", wire::Ecn::ect0},
                                            {"ect1", wire::Ecn::ect1},
                                            {"ce", wire::Ecn::ce}}};

bool has(tcp::Flags flags, tcp::Flags one) { return (flags.bits & one.bits) != 0; }

// Cursor reads a line from left to right.  After the first error all further reads fail.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_{line} {}

  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  void fail(const std::string& expected) {
    if (failed()) return;
    error_ = "column " + std::to_string(at_ + 1) + ": expected " + expected;
  }

  void skip_blanks() {
    const std::size_t next = line_.find_first_not_of(kBlanks, at_);
    at_ = next == std::string_view::npos ? line_.size() : next;
  }
  [[nodiscard]] bool at_end() {
    skip_blanks();
    return failed() || at_ == line_.size();
  }
  [[nodiscard]] char peek() const { return at_ < line_.size() ? line_[at_] : '\0'; }
  // take reads exactly `text`, without skipping blanks before it.
  bool take(std::string_view text) {
    if (failed() || !line_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) fail("'" + std::string{text} + "'");
  }
  // word reads up to a blank or one of `ends`.
  std::string_view word(std::string_view ends = {}) {
    skip_blanks();
    const std::size_t begin = at_;
    while (at_ < line_.size() && kBlanks.find(line_[at_]) == std::string_view::npos &&
           ends.find(line_[at_]) == std::string_view::npos) {
      ++at_;
    }
    return line_.substr(begin, at_ - begin);
  }
  void back(std::string_view word) { at_ -= word.size(); }

  template <class T = std::int64_t>
  T number(const char* what) {
    T value{};
    const char* begin = line_.data() + at_;
    const auto [end, status] = std::from_chars(begin, line_.data() + line_.size(), value);
    if (failed() || status != std::errc{}) {
      fail(what);
      return {};
    }
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }
  // seconds reads a decimal number.
  Nanos seconds_value() {
    std::int64_t nanos = number<std::uint32_t>("a time in seconds") * std::int64_t{1'000'000'000};
    if (!take(".")) return Nanos{nanos};
    for (std::int64_t digit = 100'000'000; peek() >= '0' && peek() <= '9'; digit /= 10) {
      nanos += (peek() - '0') * digit;
      ++at_;
    }
    return Nanos{nanos};
  }

 private:
  std::string_view line_;
  std::size_t at_ = 0;
  std::string error_;
};

ScriptTime parse_time(Cursor& c) {
  ScriptTime time;
  time.is_relative = c.take("+");
  time.first = time.last = c.seconds_value();
  if (!c.take("~")) return time;
  if (time.is_relative) c.expect("+");
  time.last = c.seconds_value();
  if (time.last < time.first) c.fail("a span that ends after it begins");
  return time;
}

// parse_range reads SEQ:END(LEN) or SEQ:END(LEN/PIECE).
ScriptSegment parse_range(Cursor& c) {
  ScriptSegment range;
  range.seq = c.number("a sequence number");
  c.expect(":");
  const auto end = c.number("the sequence number of the end");
  c.expect("(");
  range.len = c.number<std::uint32_t>("a length");
  if (c.take("/")) range.piece = c.number<std::uint32_t>("the length of one segment");
  c.expect(")");
  if (!c.failed() && end - range.seq != range.len) c.fail("a length that is END - SEQ");
  if (!c.failed() && range.piece > range.len) c.fail("segments shorter than the flight");
  return range;
}

void parse_option(Cursor& c, ScriptOptions& options) {
  const std::string_view name = c.word(",>");
  if (name == "mss") {
    c.skip_blanks();
    options.mss = c.number<std::uint16_t>("a segment size");
  } else if (name == "wscale") {
    c.skip_blanks();
    options.window_scale = c.number<std::uint8_t>("a shift");
  } else if (name == "sackOK") {
    options.sack_permitted = true;
  } else if (name == "TS") {
    ScriptOptions::Timestamps ts;
    c.skip_blanks();
    c.expect("val ");
    ts.val = c.number("TSval");
    c.skip_blanks();
    c.expect("ecr ");
    ts.ecr = c.number("TSecr");
    options.timestamps = ts;
  } else if (name == "sack") {
    for (c.skip_blanks(); c.peek() == '-' || (c.peek() >= '0' && c.peek() <= '9');
         c.skip_blanks()) {
      ScriptOptions::Block block;
      block.left = c.number("a left edge");
      c.expect(":");
      block.right = c.number("a right edge");
      options.sack.push_back(block);
    }
    if (options.sack.empty() || options.sack.size() > tcp::Options::kMaxSackBlocks) {
      c.fail("one to four blocks");
    }
  } else {
    c.back(name);
    c.fail("mss, wscale, sackOK, TS or sack");
  }
}

void parse_options(Cursor& c, ScriptSegment& segment) {
  if (c.take("...>")) {
    segment.options_are = ScriptSegment::Options::any;
    return;
  }
  segment.options_are = ScriptSegment::Options::exact;
  if (c.take(">")) return;
  do {
    parse_option(c, segment.options);
    c.skip_blanks();
  } while (c.take(","));
  c.expect(">");
}

tcp::Flags parse_flags(Cursor& c) {
  const std::string_view word = c.word();
  tcp::Flags flags;
  if (word == "-") return flags;
  for (const char letter : word) {
    const auto* at = std::ranges::find(kFlagLetters, letter, &FlagLetter::letter);
    if (at == kFlagLetters.end()) {
      c.back(word);
      c.fail("flags of SFRPUEW. or -");
      return flags;
    }
    flags |= at->flag;
  }
  if (word.empty()) c.fail("flags");
  return flags;
}

ScriptSegment parse_segment(Cursor& c, std::optional<wire::Ecn> ecn) {
  const tcp::Flags flags = parse_flags(c);
  c.skip_blanks();
  ScriptSegment segment = parse_range(c);
  segment.flags = flags;
  segment.ecn = ecn;
  while (!c.at_end()) {
    if (c.take("ack ")) {
      segment.ack = c.number("an acknowledgment number");
    } else if (c.take("win ")) {
      segment.window = c.number<std::uint16_t>("a window");
    } else if (c.take("<")) {
      parse_options(c, segment);
    } else {
      c.fail("ack, win or <options>");
    }
  }
  if (flags.ack() != segment.ack.has_value()) c.fail("'.' and ack together, or neither");
  return segment;
}

// parse_bracket reads what stands in [] before a segment: a code point of ECN, or the segment that
// an ICMP message quotes.
void parse_inject(Cursor& c, ScriptLine& line) {
  c.skip_blanks();
  std::optional<wire::Ecn> ecn;
  if (c.take("[")) {
    for (const EcnWord& known : kEcnWords) {
      if (c.take(known.word)) ecn = known.ecn;
    }
    if (!ecn) {
      line.kind = ScriptLine::Kind::icmp;
      const ScriptSegment quoted = parse_range(c);
      c.expect("]");
      c.skip_blanks();
      c.expect("icmp frag_needed mtu ");
      line.icmp = {quoted.seq, quoted.len, c.number<std::uint16_t>("an MTU")};
      return;
    }
    c.expect("]");
  }
  line.segment = parse_segment(c, ecn);
}

void parse_expect(Cursor& c, ScriptLine& line) {
  c.skip_blanks();
  if (c.take("...")) {
    line.kind = ScriptLine::Kind::expect_any;
    return;
  }
  std::optional<wire::Ecn> ecn;
  if (c.take("[")) {
    for (const EcnWord& known : kEcnWords) {
      if (c.take(known.word)) ecn = known.ecn;
    }
    c.expect("]");
    if (!ecn) c.fail("noecn, ect0, ect1 or ce");
  }
  line.segment = parse_segment(c, ecn);
}

std::string_view without_comment(std::string_view text) {
  const std::size_t slashes = text.find("//");
  return slashes == std::string_view::npos ? text : text.substr(0, slashes);
}

std::string name_of(wire::Ecn ecn) {
  const auto* at = std::ranges::find(kEcnWords, ecn, &EcnWord::ecn);
  return std::string{at->word};
}

std::string format_options(const ScriptOptions& options) {
  std::string text;
  const auto add = [&](const std::string& option) { text += (text.empty() ? "" : ",") + option; };
  if (options.mss) add("mss " + std::to_string(*options.mss));
  if (options.sack_permitted) add("sackOK");
  if (const auto& ts = options.timestamps) {
    add("TS val " + std::to_string(ts->val) + " ecr " + std::to_string(ts->ecr));
  }
  if (options.window_scale) add("wscale " + std::to_string(*options.window_scale));
  if (!options.sack.empty()) {
    std::string blocks = "sack";
    for (const auto& b : options.sack) {
      blocks += " " + std::to_string(b.left) + ":" + std::to_string(b.right);
    }
    add(blocks);
  }
  return text;
}

std::string option_difference(const ScriptSegment& expected, const ScriptSegment& seen) {
  if (expected.options_are == ScriptSegment::Options::any) return {};
  const ScriptOptions& e = expected.options;
  const ScriptOptions& s = seen.options;
  if (e.mss != s.mss) return "maximum segment size";
  if (e.window_scale != s.window_scale) return "window scale";
  if (e.sack_permitted != s.sack_permitted) return "SACK-permitted";
  if (e.sack != s.sack) return "SACK blocks";
  const bool all = expected.options_are == ScriptSegment::Options::exact;
  return all && e.timestamps != s.timestamps ? "timestamps" : std::string{};
}

}  // namespace

std::vector<ScriptSegment> ScriptSegment::pieces() const {
  if (piece == 0) return {*this};
  std::vector<ScriptSegment> segments;
  for (std::uint32_t done = 0; done < len; done += piece) {
    ScriptSegment s = *this;
    s.piece = 0;
    s.seq = seq + done;
    s.len = std::min(piece, len - done);
    const bool is_last = done + s.len == len;
    if (!is_last) s.flags = s.flags.without(tcp::kPsh | tcp::kFin);
    segments.push_back(s);
  }
  return segments;
}

ScriptParse parse_script_line(std::string_view text) {
  Cursor c{without_comment(text)};
  ScriptParse result;
  if (c.at_end()) return result;
  ScriptLine& line = result.line;
  line.time = parse_time(c);
  c.skip_blanks();
  if (c.take("<")) {
    line.kind = ScriptLine::Kind::inject;
    parse_inject(c, line);
  } else if (c.take(">")) {
    line.kind = ScriptLine::Kind::expect;
    parse_expect(c, line);
  } else {
    line.kind = c.take("=") ? ScriptLine::Kind::assert_value : ScriptLine::Kind::command;
    while (!c.at_end()) line.words.emplace_back(c.word());
    if (line.words.empty()) c.fail("<, >, = or a command");
  }
  if (!c.at_end()) c.fail("the end of the line");
  result.error = c.error();
  return result;
}

std::string format_time(Nanos time) {
  std::array<char, 40> text{};
  const auto us = time.count() / 1'000;
  (void)std::snprintf(text.data(), text.size(), "%lld.%06lld",
                      static_cast<long long>(us / 1'000'000),
                      static_cast<long long>(us % 1'000'000));
  return text.data();
}

std::string format(const ScriptSegment& segment) {
  std::string text;
  if (segment.ecn && *segment.ecn != wire::Ecn::not_ect) text = "[" + name_of(*segment.ecn) + "] ";
  const std::size_t before_flags = text.size();
  for (const FlagLetter& f : kFlagLetters) {
    if (has(segment.flags, f.flag)) text += f.letter;
  }
  if (text.size() == before_flags) text += '-';
  text += " " + std::to_string(segment.seq) + ":" + std::to_string(segment.seq + segment.len) +
          "(" + std::to_string(segment.len);
  if (segment.piece != 0) text += "/" + std::to_string(segment.piece);
  text += ")";
  if (segment.ack) text += " ack " + std::to_string(*segment.ack);
  if (segment.window) text += " win " + std::to_string(*segment.window);
  if (segment.options_are == ScriptSegment::Options::any) return text + " <...>";
  const std::string options = format_options(segment.options);
  return options.empty() ? text : text + " <" + options + ">";
}

std::string difference(const ScriptSegment& expected, const ScriptSegment& seen) {
  // PSH is a hint; it is compared where the script names it.
  const tcp::Flags ignored = expected.flags.psh() ? tcp::Flags{} : tcp::kPsh;
  if (expected.flags.without(ignored) != seen.flags.without(ignored)) return "flags";
  if (expected.seq != seen.seq) return "sequence number";
  if (expected.len != seen.len) return "length";
  if (expected.ack && expected.ack != seen.ack) return "acknowledgment number";
  if (expected.window && expected.window != seen.window) return "window";
  if (expected.ecn && expected.ecn != seen.ecn) return "ECN code point";
  return option_difference(expected, seen);
}

}  // namespace sallyport::testing
