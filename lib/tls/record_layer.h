// RecordLayer: what both ends of a connection keep about its records, and what they do alike: judge
// headers, protect what goes out, count what a peer must not repeat without end, send alerts and
// key updates, close (RFC 8446 5, 6.1 and 4.6.3, RFC 5246 6.2 and 7.2).
//
// It knows no handshake.  Server and Client are built on it and decide when it does what.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/base/units.h"
#include "lib/stats/reasons.h"
#include "lib/tls/engine.h"
#include "lib/tls/key_schedule.h"
#include "lib/tls/record.h"
#include "lib/tls/record_keys.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

class RecordLayer {
 public:
  // record_size is how many bytes, header included, the record with this header has.  A header that
  // is no good gives 5: receive() then refuses it without waiting for more.  Precondition: front
  // has at least 5 bytes.
  [[nodiscard]] static std::size_t record_size(ByteView front) noexcept;

  // kMinPullRoom is the least room with which pull() always gets on.
  static constexpr std::size_t kMinPullRoom = 128;

  // record_overhead is by how much a sealed record is longer than its plaintext, or with CBC at
  // most longer; record_len is how long the record of so many bytes of plaintext is.
  [[nodiscard]] std::size_t record_overhead() const noexcept;
  [[nodiscard]] std::size_t record_len(std::size_t plaintext_len) const noexcept;

  // seals_side_by_side: several short records cost less than a long one, because the cipher works
  // on those of one call at the same time.
  [[nodiscard]] bool seals_side_by_side() const noexcept { return write_.is_cbc(); }
  // plaintext_offset is where the plaintext lies in a record that is sealed in place.
  [[nodiscard]] std::size_t plaintext_offset() const noexcept {
    return tls::plaintext_offset(write_);
  }

  // max_fragment is the most plaintext that the peer takes in one record: 63 at least,
  // kMaxFragment unless it said otherwise.
  [[nodiscard]] std::size_t max_fragment() const noexcept { return max_fragment_; }

  // is_resumed: a ticket was accepted, or a session ID, and no certificate shown.
  [[nodiscard]] bool is_resumed() const noexcept { return resumed_; }
  // version and cipher_suite are none until they were agreed on.
  [[nodiscard]] wire::ProtocolVersion version() const noexcept { return version_; }
  [[nodiscard]] wire::CipherSuite cipher_suite() const noexcept { return cipher_suite_; }
  // peer_closed: close_notify was received.  write_closed: ours was pulled, or a fatal alert was,
  // so nothing will ever be sealed again.
  [[nodiscard]] bool peer_closed() const noexcept { return peer_closed_; }
  [[nodiscard]] bool write_closed() const noexcept { return write_closed_; }

 protected:
  RecordLayer() noexcept = default;
  ~RecordLayer() = default;
  RecordLayer(RecordLayer&&) noexcept = default;
  RecordLayer& operator=(RecordLayer&&) noexcept = default;

  // kPostHandshakeMessage is the length of KeyUpdate.
  static constexpr std::size_t kPostHandshakeMessage = 5;

  // --- Records in ---

  // is_protected: a record of this type comes under the read keys, once there are any.
  [[nodiscard]] bool is_protected(wire::ContentType type) const noexcept;
  // check_header judges a record by its header; `first`: nothing came before it.
  [[nodiscard]] stats::HandshakeFailure check_header(ByteView front, std::size_t record_len,
                                                     bool first) const noexcept;
  // max_received_fragment is how much the peer may put into a record.
  [[nodiscard]] std::size_t max_received_fragment() const noexcept {
    return fragments_limited_both_ways_ ? max_fragment_ : kMaxFragment;
  }
  // The counts answer false when the peer has gone too far.
  [[nodiscard]] bool count_idle_record() noexcept;
  [[nodiscard]] bool count_change_cipher_spec() noexcept;
  [[nodiscard]] bool count_warning() noexcept;
  [[nodiscard]] bool count_key_update(const Engine& engine) noexcept;
  // read_alert says what an alert asks for, and counts it; or what is wrong with it.
  enum class AlertMeaning : std::uint8_t { nothing, closes, fatal };
  [[nodiscard]] Result<AlertMeaning, stats::HandshakeFailure> read_alert(
      std::span<const MutableBytes> content, std::size_t len) noexcept;
  // is_change_cipher_spec: the record holds the one byte that its type allows [RFC 5246 7.1].
  [[nodiscard]] static bool is_change_cipher_spec(std::span<const MutableBytes> content,
                                                  std::size_t len) noexcept;

  // Refusal is why a message was no good, and the alert for it.
  struct Refusal {
    stats::HandshakeFailure failure = stats::HandshakeFailure::none;
    wire::AlertDescription alert{};
  };
  // read_key_update obeys a KeyUpdate message, or says why not.
  [[nodiscard]] Refusal read_key_update(const Engine& engine, ByteView message) noexcept;

  // --- Records out ---

  [[nodiscard]] std::size_t fragment_overhead() const noexcept;
  // put_handshake writes one record of handshake messages: fill(MutableBytes) writes as many bytes
  // of them as fit, and says how many.
  template <class Fill>
  [[nodiscard]] std::size_t put_handshake(Engine& engine, MutableBytes out, Fill&& fill) noexcept {
    // Better none than a fragment of a few bytes: the next frame has room.
    if (out.size() < kMinPullRoom) return 0;
    // [RFC 8449 4] binds records that are protected, [RFC 6066 4] binds all.
    const bool limited = write_protected_ || fragments_limited_both_ways_;
    const std::size_t max_len =
        std::min(out.size() - fragment_overhead(), limited ? max_fragment_ : kMaxFragment);
    const std::size_t at = write_protected_ ? plaintext_offset() : kRecordHeader;
    const std::size_t len = fill(out.subspan(at, max_len));
    return end_handshake_record(engine, len, out);
  }
  [[nodiscard]] std::size_t put_change_cipher_spec(MutableBytes out) const noexcept;
  [[nodiscard]] std::size_t put_key_update(Engine& engine, MutableBytes out) noexcept;
  [[nodiscard]] std::size_t put_alert(Engine& engine, MutableBytes out) noexcept;
  // put_application_data returns 0 when a precondition of seal() does not hold.
  [[nodiscard]] std::size_t put_application_data(Engine& engine,
                                                 std::span<const ByteView> plaintext,
                                                 std::span<const MutableBytes> out) noexcept;
  // put_application_records seals in place as many of them as the keys may, and returns how many;
  // 0 when one of them may not be sealed now.
  [[nodiscard]] std::size_t put_application_records(
      Engine& engine, std::span<const InPlaceRecord> records) noexcept;

  // --- Ending ---

  // queue_fatal stops reading, and queues an alert unless writing is over.
  void queue_fatal(wire::AlertDescription alert) noexcept;
  void queue_close_notify() noexcept;
  // end_writing: nothing more is sent, not even what was queued.
  void end_writing() noexcept;
  void end_reading() noexcept;
  // end_by_close_notify: the peer will say nothing more, and may still be told something.
  void end_by_close_notify() noexcept;

  RecordKeys read_;
  [[no_unique_address]] RecordKeys write_;  // the secrets use its padding
  TrafficSecret read_secret_;               // TLS 1.2: the key of the MAC, if there is one
  TrafficSecret write_secret_;
  std::uint32_t key_updates_since_ = 0;  // when the minute began, in whole seconds of the TSC
  wire::CipherSuite cipher_suite_ = wire::CipherSuite::none;
  wire::ProtocolVersion version_ = wire::ProtocolVersion::none;
  crypto::AeadAlgorithm aead_{};
  stats::HandshakeFailure failure_ = stats::HandshakeFailure::none;
  wire::AlertDescription alert_{};  // waits to be pulled when alert_pending_
  std::uint16_t partial_len_ = 0;   // of a message that is not complete
  std::uint16_t max_fragment_ = kMaxFragment;
  wire::AlertLevel alert_level_ : 2 {};
  std::uint8_t key_updates_ : 6 = 0;          // from the peer, in the current minute
  std::uint8_t idle_records_ : 6 = 0;         // in a row: they carried nothing
  std::uint8_t change_cipher_specs_ : 4 = 0;  // of TLS 1.3, where they mean nothing
  std::uint8_t warnings_ : 3 = 0;
  bool alert_pending_ : 1 = false;
  bool key_update_pending_ : 1 = false;
  bool read_protected_ : 1 = false;
  bool write_protected_ : 1 = false;
  bool peer_spoke_protected_ : 1 = false;  // TLS 1.3: a record of the handshake keys was opened
  bool peer_closed_ : 1 = false;
  bool write_closed_ : 1 = false;
  bool resumed_ : 1 = false;
  bool fragments_limited_both_ways_ : 1 = false;  // max_fragment_ binds the peer, too

 private:
  [[nodiscard]] bool is_warning(const wire::Alert& alert) const noexcept;
  [[nodiscard]] std::size_t put_record(Engine& engine, wire::ContentType type, ByteView content,
                                       MutableBytes out) noexcept;
  [[nodiscard]] bool can_put_application_data() const noexcept {
    return !write_closed_ && write_protected_ && !alert_pending_ && !key_update_pending_;
  }
  // records_left is how many the write keys may still seal.
  [[nodiscard]] std::uint64_t records_left(const Engine& engine) const noexcept;
  // change_used_up_keys: or in TLS 1.2, which cannot, ends the connection.
  void change_used_up_keys(const Engine& engine) noexcept;
  [[nodiscard]] std::size_t end_handshake_record(Engine& engine, std::size_t len,
                                                 MutableBytes out) noexcept;
};

}  // namespace sallyport::tls
