#include "lib/tls/record_layer.h"

#include <array>

#include "lib/tls/negotiation.h"
#include "lib/tls/pieces.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::AlertLevel;
using wire::ContentType;
using wire::ProtocolVersion;
using wire::RecordHeader;

// Records in a row that carry nothing cost us a decryption each and the peer next to nothing.
constexpr std::uint8_t kMaxIdleRecords = 32;
// [RFC 8446 D.4] One is for middleboxes, or two with a HelloRetryRequest.
constexpr std::uint8_t kMaxChangeCipherSpecs = 8;
// Warnings need no answer; a peer that sends them without end only wants to keep us busy.
constexpr std::uint8_t kMaxWarnings = 4;
// A peer may change its keys, but each time costs us a key schedule.
constexpr std::uint8_t kMaxKeyUpdates = 32;
constexpr std::uint32_t kKeyUpdateWindowSeconds = 60;

constexpr std::uint8_t kMajorVersion = 3;  // of every version since SSL 3.0

[[nodiscard]] bool is_record_type(ContentType type) noexcept {
  return type >= ContentType::change_cipher_spec && type <= ContentType::application_data;
}

// [RFC 8446 4.1.2, RFC 5246 E.2] the ClientHello of SSL 2.0: a two-byte length with the top bit
// set, then its message type 1.
[[nodiscard]] bool is_ssl2_hello(ByteView front) noexcept {
  return (front[0] & 0x80) != 0 && front[2] == 1;
}

}  // namespace

std::size_t RecordLayer::record_size(ByteView front) noexcept {
  const auto header = load<RecordHeader>(front);
  const std::size_t length = header.length.host();
  // [RFC 8446 5.1] No size depends on legacy_record_version: in TLS 1.3 it means nothing.
  if (!is_record_type(header.content_type()) || length > kMaxCiphertext) return kRecordHeader;
  return kRecordHeader + length;
}

bool RecordLayer::is_protected(ContentType type) const noexcept {
  if (!read_protected_) return false;
  if (version_ != ProtocolVersion::tls13) return true;
  // [RFC 8446 5, D.4] the compatibility ChangeCipherSpec is never protected.
  if (type == ContentType::change_cipher_spec) return false;
  // A client that cannot make sense of our ServerHello has no keys to say so with.
  return type != ContentType::alert || peer_spoke_protected_;
}

HandshakeFailure RecordLayer::check_header(ByteView front, std::size_t record_len,
                                           bool first) const noexcept {
  const auto header = load<RecordHeader>(front);
  const ContentType type = header.content_type();
  if (first && is_ssl2_hello(front)) return HandshakeFailure::protocol_version;
  if (!is_record_type(type)) {
    // [RFC 8446 5] a record type that nobody has defined.
    return first ? HandshakeFailure::not_tls : HandshakeFailure::unexpected_message;
  }
  if (front[1] != kMajorVersion && version_ != ProtocolVersion::tls13) {
    return first ? HandshakeFailure::not_tls : HandshakeFailure::protocol_version;
  }
  // [RFC 8446 5.1] TLS 1.3 ignores legacy_record_version; [RFC 5246 6.2.1] TLS 1.2 does not.
  if (version_ == ProtocolVersion::tls12 &&
      header.legacy_record_version.host() != static_cast<std::uint16_t>(ProtocolVersion::tls12)) {
    return HandshakeFailure::protocol_version;
  }
  // [RFC 8446 5.1 and 5.2, RFC 5246 6.2.1 and 6.2.3]  Early data that we skip unread is protected
  // too, though we have no key for it.
  const bool ciphertext = is_protected(type) || type == ContentType::application_data;
  const std::size_t length = header.length.host();
  const std::size_t max_ciphertext =
      version_ == ProtocolVersion::tls12 ? kMaxCiphertext : kMaxCiphertext13;
  if (length > (ciphertext ? max_ciphertext : max_received_fragment())) {
    return HandshakeFailure::record_overflow;
  }
  // The worker gave us more or less than it was asked for.
  if (record_len != kRecordHeader + length) return HandshakeFailure::internal_error;
  return HandshakeFailure::none;
}

bool RecordLayer::count_idle_record() noexcept { return ++idle_records_ <= kMaxIdleRecords; }

bool RecordLayer::count_change_cipher_spec() noexcept {
  return ++change_cipher_specs_ <= kMaxChangeCipherSpecs;
}

bool RecordLayer::count_warning() noexcept { return ++warnings_ <= kMaxWarnings; }

bool RecordLayer::count_key_update(const Engine& engine) noexcept {
  const auto now =
      static_cast<std::uint32_t>(engine.rate().nanos(engine.now() - Tsc{}) / seconds{1});
  if (key_updates_ == 0 || now - key_updates_since_ > kKeyUpdateWindowSeconds) {
    key_updates_since_ = now;
    key_updates_ = 0;
  }
  return ++key_updates_ <= kMaxKeyUpdates;
}

// [RFC 8446 6] in TLS 1.3 the description alone tells what is fatal; user_canceled is not.
bool RecordLayer::is_warning(const wire::Alert& alert) const noexcept {
  return alert.description == AlertDescription::user_canceled ||
         (version_ != ProtocolVersion::tls13 && alert.level == AlertLevel::warning);
}

Result<RecordLayer::AlertMeaning, HandshakeFailure> RecordLayer::read_alert(
    std::span<const MutableBytes> content, std::size_t len) noexcept {
  std::array<std::uint8_t, 2> body{};
  // [RFC 8446 5.4, RFC 5246 6.2.1] none may be empty, [RFC 8446 5.1] split or joined.
  if (len == 0) return Err{HandshakeFailure::unexpected_message};
  if (len != body.size()) return Err{HandshakeFailure::decode_error};
  PieceRange{content, 0, len}.copy_to(body);
  const auto alert = wire::parse_alert(body);
  if (!alert) return Err{HandshakeFailure::decode_error};
  // [RFC 5246 7.2] there are two levels; [RFC 8446 6] later the description alone counts.
  const bool has_level = alert->level == AlertLevel::warning || alert->level == AlertLevel::fatal;
  if (version_ == ProtocolVersion::tls12 && !has_level) {
    return Err{HandshakeFailure::illegal_parameter};
  }
  if (alert->description == AlertDescription::close_notify) return AlertMeaning::closes;
  if (!is_warning(*alert)) return AlertMeaning::fatal;
  if (!count_warning()) return Err{HandshakeFailure::too_many_records};
  return AlertMeaning::nothing;
}

bool RecordLayer::is_change_cipher_spec(std::span<const MutableBytes> content,
                                        std::size_t len) noexcept {
  std::array<std::uint8_t, 1> value{};
  if (len != value.size()) return false;
  PieceRange{content, 0, len}.copy_to(value);
  return value[0] == 1;
}

RecordLayer::Refusal RecordLayer::read_key_update(const Engine& engine, ByteView message) noexcept {
  const auto request = wire::parse_key_update(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!request) return {failure_of(request.error()), request.error()};
  if (!count_key_update(engine)) {
    constexpr auto kWhy = HandshakeFailure::too_many_records;
    return {kWhy, alert_of(kWhy)};
  }
  read_secret_.update();
  read_secret_.derive_keys(aead_, read_);
  // [RFC 8446 4.6.3] answered before our next application data; one answer is enough for several
  // requests.
  if (*request == wire::KeyUpdateRequest::update_requested && !write_closed_ && !alert_pending_) {
    key_update_pending_ = true;
  }
  return {};
}

std::size_t RecordLayer::record_overhead() const noexcept { return write_.overhead(); }

std::size_t RecordLayer::record_len(std::size_t plaintext_len) const noexcept {
  return write_.record_len(plaintext_len);
}

std::size_t RecordLayer::fragment_overhead() const noexcept {
  return write_protected_ ? write_.overhead() : kRecordHeader;
}

std::size_t RecordLayer::end_handshake_record(Engine& engine, std::size_t len,
                                              MutableBytes out) noexcept {
  if (write_protected_) {
    return seal_in_place(engine, write_, ContentType::handshake, len, out, write_secret_.expose());
  }
  store(out, RecordHeader::of(ContentType::handshake, ProtocolVersion::tls12, len));
  return kRecordHeader + len;
}

std::size_t RecordLayer::put_change_cipher_spec(MutableBytes out) const noexcept {
  if (out.size() < kRecordHeader + 1) return 0;
  store(out, RecordHeader::of(ContentType::change_cipher_spec, ProtocolVersion::tls12, 1));
  out[kRecordHeader] = 1;
  return kRecordHeader + 1;
}

// put_record writes a short record under the write keys, if they are in force.
std::size_t RecordLayer::put_record(Engine& engine, ContentType type, ByteView content,
                                    MutableBytes out) noexcept {
  if (out.size() < content.size() + fragment_overhead()) return 0;
  if (write_protected_) {
    return seal_record(engine, write_, type, {{content}}, out, write_secret_.expose());
  }
  store(out, RecordHeader::of(type, ProtocolVersion::tls12, content.size()));
  std::ranges::copy(content, out.begin() + kRecordHeader);
  return kRecordHeader + content.size();
}

std::size_t RecordLayer::put_key_update(Engine& engine, MutableBytes out) noexcept {
  std::array<std::uint8_t, kPostHandshakeMessage> message;
  wire::Writer w{message};
  wire::write_key_update(w, wire::KeyUpdateRequest::update_not_requested);
  const std::size_t n = put_record(engine, ContentType::handshake, message, out);
  if (n == 0) return 0;
  // [RFC 8446 4.6.3] the message still goes out under the old keys, everything after it under new.
  write_secret_.update();
  write_secret_.derive_keys(aead_, write_);
  key_update_pending_ = false;
  return n;
}

std::size_t RecordLayer::put_alert(Engine& engine, MutableBytes out) noexcept {
  const std::array body{static_cast<std::uint8_t>(alert_level_), static_cast<std::uint8_t>(alert_)};
  const std::size_t n = put_record(engine, ContentType::alert, body, out);
  if (n == 0) return 0;
  // [RFC 8446 6.1] nothing is sent after an alert that closes.
  end_writing();
  return n;
}

std::size_t RecordLayer::put_application_data(Engine& engine, std::span<const ByteView> plaintext,
                                              std::span<const MutableBytes> out) noexcept {
  if (!can_put_application_data() || total_len(plaintext) > max_fragment_) return 0;
  const std::size_t n = seal_record(engine, write_, ContentType::application_data, plaintext, out,
                                    write_secret_.expose());
  change_used_up_keys(engine);
  return n;
}

std::size_t RecordLayer::put_application_records(Engine& engine,
                                                 std::span<const InPlaceRecord> records) noexcept {
  const bool possible = std::ranges::all_of(records, [this](const InPlaceRecord& record) {
    return record.plaintext_len <= max_fragment_;
  });
  if (!can_put_application_data() || !possible) return 0;
  const auto now = records.first(std::min<std::uint64_t>(records.size(), records_left(engine)));
  const std::size_t n = seal_each_in_place(engine, write_, ContentType::application_data, now,
                                           write_secret_.expose());
  change_used_up_keys(engine);
  return n == 0 ? 0 : now.size();
}

std::uint64_t RecordLayer::records_left(const Engine& engine) const noexcept {
  // ChaCha20-Poly1305 has no limit that a connection could reach.
  if (version_ == ProtocolVersion::tls13 && aead_ == crypto::AeadAlgorithm::chacha20_poly1305) {
    return ~std::uint64_t{0};
  }
  const std::uint64_t limit =
      version_ == ProtocolVersion::tls13 ? engine.limits().tls13 : engine.limits().tls12;
  return limit - std::min(limit, write_.sequence_number());
}

void RecordLayer::change_used_up_keys(const Engine& engine) noexcept {
  if (records_left(engine) > 0) return;
  if (version_ == ProtocolVersion::tls13) {
    key_update_pending_ = true;
  } else {
    queue_close_notify();
  }
}

void RecordLayer::queue_fatal(AlertDescription alert) noexcept {
  key_update_pending_ = false;
  end_reading();
  // An alert of TLS 1.2 may still need it for its MAC.
  if (version_ != ProtocolVersion::tls12) write_secret_.clear();
  if (write_closed_) return;
  alert_ = alert;
  alert_level_ = AlertLevel::fatal;
  alert_pending_ = true;
}

void RecordLayer::queue_close_notify() noexcept {
  if (write_closed_) return;
  alert_ = AlertDescription::close_notify;
  alert_level_ = AlertLevel::warning;
  alert_pending_ = true;
}

void RecordLayer::end_writing() noexcept {
  alert_pending_ = false;
  write_closed_ = true;
  write_.clear();
  write_secret_.clear();
}

void RecordLayer::end_reading() noexcept {
  read_.clear();
  read_secret_.clear();
}

// [RFC 8446 6.1] close_notify closes their direction only.  [RFC 5246 7.2.1 except] TLS 1.2 would
// have us drop what we still have to say; every client reads on, and the answer is what it came
// for.
void RecordLayer::end_by_close_notify() noexcept {
  peer_closed_ = true;
  end_reading();
}

}  // namespace sallyport::tls
