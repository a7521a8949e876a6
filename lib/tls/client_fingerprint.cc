#include "lib/tls/client_fingerprint.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "lib/base/text.h"
#include "lib/crypto/hash/md5.h"
#include "lib/crypto/hash/sha2.h"

namespace sallyport::tls {
namespace {

using wire::ClientHello;
using wire::ExtensionType;

// [RFC 8701 2] 0x0a0a, 0x1a1a, ... 0xfafa.
constexpr bool is_grease(std::uint16_t value) noexcept {
  return (value & 0x0f0fU) == 0x0a0aU && value >> 8U == (value & 0xffU);
}

// List is what counts of a vector of 16-bit numbers.
class List {
 public:
  void add(std::uint16_t value) noexcept {
    if (is_grease(value)) return;
    if (size_ == values_.size()) {
      overflowed_ = true;
      return;
    }
    values_[size_++] = value;
  }
  void add_all(wire::U16List from) noexcept {
    for (std::size_t i = 0; i < from.size() && !overflowed_; ++i) add(from[i]);
  }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  [[nodiscard]] std::span<std::uint16_t> values() noexcept {
    return std::span{values_}.first(size_);
  }

 private:
  std::array<std::uint16_t, ClientFingerprint::kMaxListed> values_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

// Text hashes characters as they are written, a hundred at a time.
template <class Hash>
class Text {
 public:
  void put(char c) noexcept {
    if (used_ == room_.size()) flush();
    room_[used_++] = c;
  }
  void put_decimal(unsigned value) noexcept {
    std::array<char, 8> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    for (const char* digit = digits.data(); digit != end; ++digit) put(*digit);
  }
  void put_hex(std::uint16_t value) noexcept {
    sallyport::put_hex(Be16::of(value).bytes, [this](char digit) { put(digit); });
  }
  template <class Values, class Put>
  void put_joined(const Values& values, char separator, Put&& put_one) noexcept {
    bool first = true;
    for (const auto value : values) {
      if (!first) put(separator);
      first = false;
      put_one(value);
    }
  }
  [[nodiscard]] auto digest() noexcept {
    flush();
    std::array<std::uint8_t, Hash::kDigestLen> out{};
    hash_.finish(out);
    return out;
  }

 private:
  void flush() noexcept {
    hash_.update(as_bytes({room_.data(), used_}));
    used_ = 0;
  }
  Hash hash_;
  std::array<char, 128> room_;
  std::size_t used_ = 0;
};

// Lists of one ClientHello.
struct Lists {
  List suites;
  List extensions;
  List groups;
  List signature_algorithms;

  explicit Lists(const ClientHello& hello) noexcept {
    suites.add_all(hello.cipher_suites);
    groups.add_all(hello.supported_groups);
    signature_algorithms.add_all(hello.signature_algorithms);
    for (wire::Reader r{hello.extensions}; !r.at_end();) {
      extensions.add(r.u16());
      static_cast<void>(r.vec16(0, 65'535));
    }
  }
  [[nodiscard]] bool overflowed() const noexcept {
    return suites.overflowed() || extensions.overflowed() || groups.overflowed() ||
           signature_algorithms.overflowed();
  }
};

// ja3_of hashes "version,suites,extensions,groups,point formats", all decimal, in the order in
// which the client named them.
std::array<std::uint8_t, 16> ja3_of(const ClientHello& hello, Lists& lists) noexcept {
  Text<crypto::Md5> text;
  const auto put_list = [&text](const auto& values) {
    text.put(',');
    text.put_joined(values, '-', [&text](unsigned value) { text.put_decimal(value); });
  };
  text.put_decimal(hello.legacy_version);
  put_list(lists.suites.values());
  put_list(lists.extensions.values());
  put_list(lists.groups.values());
  put_list(hello.ec_point_formats);
  return text.digest();
}

// version_digits names the highest version that is offered.
std::string_view version_digits(const ClientHello& hello) noexcept {
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i < hello.supported_versions.size(); ++i) {
    const std::uint16_t version = hello.supported_versions[i];
    if (!is_grease(version)) highest = std::max(highest, version);
  }
  switch (highest == 0 ? hello.legacy_version : highest) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

// protocol_marks is the first and the last character of the first protocol offered, or of its
// hexadecimal form where one of them is neither letter nor digit.
std::array<char, 2> protocol_marks(const ClientHello& hello) noexcept {
  wire::Reader r{hello.alpn_protocols};
  const ByteView protocol = r.vec8(1, 255);
  if (protocol.empty()) return {'0', '0'};
  const auto is_alphanumeric = [](std::uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  const std::uint8_t first = protocol.front();
  const std::uint8_t last = protocol.back();
  if (is_alphanumeric(first) && is_alphanumeric(last)) {
    return {static_cast<char>(first), static_cast<char>(last)};
  }
  return {kHexDigits[first >> 4U], kHexDigits[last & 0xfU]};
}

// Ja4 puts the parts of one behind each other.
class Ja4 {
 public:
  explicit Ja4(std::array<char, 36>& out) noexcept : out_{out} {}
  void put(char c) noexcept { out_[used_++] = c; }
  void put(std::string_view text) noexcept {
    for (const char c : text) put(c);
  }
  void put_count(std::size_t count) noexcept {
    count = std::min<std::size_t>(count, 99);
    put(static_cast<char>('0' + count / 10));
    put(static_cast<char>('0' + count % 10));
  }
  // put_digest is the first twelve digits.
  void put_digest(std::span<const std::uint8_t> digest) noexcept {
    put_hex(digest.first(6), [this](char digit) { put(digit); });
  }

 private:
  std::array<char, 36>& out_;
  std::size_t used_ = 0;
};

constexpr std::string_view kNothingHashed = "000000000000";

// write_ja4 sorts the suites of `lists` and its extensions.
void write_ja4(const ClientHello& hello, Lists& lists, std::array<char, 36>& out) noexcept {
  const auto suites = lists.suites.values();
  const auto extensions = lists.extensions.values();
  Ja4 ja4{out};
  ja4.put('t');  // over TCP
  ja4.put(version_digits(hello));
  ja4.put(hello.offers(ExtensionType::server_name) ? 'd' : 'i');
  ja4.put_count(suites.size());
  ja4.put_count(extensions.size());
  for (const char mark : protocol_marks(hello)) ja4.put(mark);

  ja4.put('_');
  if (suites.empty()) {
    ja4.put(kNothingHashed);
  } else {
    std::ranges::sort(suites);
    Text<crypto::Sha256> text;
    text.put_joined(suites, ',', [&text](std::uint16_t suite) { text.put_hex(suite); });
    ja4.put_digest(text.digest());
  }

  // Extensions are counted with these two and hashed without: they differ from site to site.
  const auto is_of_the_site = [](std::uint16_t type) {
    return ExtensionType{type} == ExtensionType::server_name ||
           ExtensionType{type} == ExtensionType::application_layer_protocol_negotiation;
  };
  const auto end_of_hashed = std::remove_if(extensions.begin(), extensions.end(), is_of_the_site);
  const std::span hashed{extensions.begin(), end_of_hashed};
  ja4.put('_');
  if (hashed.empty()) {
    ja4.put(kNothingHashed);
    return;
  }
  std::ranges::sort(hashed);
  Text<crypto::Sha256> text;
  const auto put_hex = [&text](std::uint16_t value) { text.put_hex(value); };
  text.put_joined(hashed, ',', put_hex);
  if (const auto algorithms = lists.signature_algorithms.values(); !algorithms.empty()) {
    text.put('_');
    text.put_joined(algorithms, ',', put_hex);
  }
  ja4.put_digest(text.digest());
}

}  // namespace

ClientFingerprint fingerprint_of(const ClientHello& hello) noexcept {
  ClientFingerprint fingerprint;
  Lists lists{hello};
  if (lists.overflowed()) return fingerprint;
  fingerprint.ja3 = ja3_of(hello, lists);
  write_ja4(hello, lists, fingerprint.ja4_text);
  fingerprint.known = true;
  return fingerprint;
}

}  // namespace sallyport::tls
