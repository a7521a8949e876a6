// Records of TLS 1.2 with AES-CBC and HMAC (RFC 5246 6.2.3.2, RFC 7366), for record_keys.h alone:
// seal_record, seal_each_in_place and open_record come here when keys.is_cbc().
//
// Cipher and MAC work over one piece of memory.  A record that lies in several is copied; the
// clients that need these suites are few.
#pragma once
#include <cstddef>
#include <span>

#include "lib/tls/record_keys.h"

namespace sallyport::tls {

[[nodiscard]] std::size_t seal_cbc_record(Engine& engine, RecordKeys& keys, wire::ContentType type,
                                          std::span<const ByteView> plaintext,
                                          std::span<const MutableBytes> out,
                                          ByteView mac_key) noexcept;
// Precondition: that of seal_each_in_place holds.
[[nodiscard]] std::size_t seal_cbc_in_place(Engine& engine, RecordKeys& keys,
                                            wire::ContentType type,
                                            std::span<const InPlaceRecord> records,
                                            ByteView mac_key) noexcept;
// open_cbc_record has one answer to every record that is not genuine: bad_record_mac, in a time
// that depends on the record's size alone.
[[nodiscard]] Result<OpenedRecord, stats::HandshakeFailure> open_cbc_record(
    Engine& engine, RecordKeys& keys, std::span<const MutableBytes> pieces,
    ByteView mac_key) noexcept;

}  // namespace sallyport::tls
