#include "lib/tls/flight.h"

#include <algorithm>
#include <utility>

#include "lib/tls/pieces.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {

namespace {

// [RFC 6066 8] CertificateStatus but for the response itself.
constexpr std::size_t kStatusHead = 1 + 3;
void write_status_head(wire::Writer& w, std::size_t response_len) noexcept {
  constexpr std::uint8_t kOcsp = 1;
  w.u8(kOcsp);
  w.u24(static_cast<std::uint32_t>(response_len));
}

void write_handshake_header(wire::Writer& w, wire::HandshakeType type, std::size_t len) noexcept {
  w.u8(static_cast<std::uint8_t>(type));
  w.u24(static_cast<std::uint32_t>(len));
}

[[nodiscard]] ByteView compressed_by(const Credential& credential,
                                     wire::CertificateCompression algorithm) noexcept {
  for (const Credential::Compressed& compressed : credential.compressed) {
    if (compressed.algorithm == algorithm) return compressed.body;
  }
  return {};
}

}  // namespace

CertificateMessage::CertificateMessage(const Credential& credential,
                                       const Parameters& agreed) noexcept
    : credential_{credential},
      compressed_{compressed_by(credential, agreed.certificate_compression)},
      tls13_{agreed.version == wire::ProtocolVersion::tls13},
      staple_{agreed.staple} {
  for_each_part([this](ByteView part) {
    len_ += part.size();
    return true;
  });
}

template <class Visit>
void CertificateMessage::for_each_part(Visit&& visit) const noexcept {
  std::array<std::uint8_t, 12> head;  // structure between the long parts
  if (!compressed_.empty()) {
    wire::Writer w{head};
    write_handshake_header(w, wire::HandshakeType::compressed_certificate, compressed_.size());
    if (visit(ByteView{w.written()})) visit(compressed_);
    return;
  }
  const ByteView staple{credential_.staple};
  // [RFC 8446 4.4.2] every entry ends with its extensions; the leaf's may hold the staple
  // [4.4.2.1].
  const std::size_t staple_len = staple_ ? 2 + 2 + kStatusHead + staple.size() : 0;
  std::size_t list_len = tls13_ ? staple_len : 0;
  for (const auto& certificate : credential_.chain) {
    list_len += 3 + certificate.size() + (tls13_ ? 2 : 0);
  }
  {
    wire::Writer w{head};
    // [RFC 8446 4.4.2] a server's certificate_request_context is empty; TLS 1.2 has no such field.
    write_handshake_header(w, wire::HandshakeType::certificate, (tls13_ ? 1U : 0U) + 3 + list_len);
    if (tls13_) w.u8(0);
    w.u24(static_cast<std::uint32_t>(list_len));
    if (!visit(ByteView{w.written()})) return;
  }
  bool is_leaf = true;
  for (const auto& certificate : credential_.chain) {
    const auto len = Be24::of(static_cast<std::uint32_t>(certificate.size()));
    if (!visit(ByteView{len.bytes}) || !visit(ByteView{certificate})) return;
    const bool has_staple = std::exchange(is_leaf, false) && staple_;
    if (!tls13_) continue;
    wire::Writer w{head};
    w.u16(static_cast<std::uint16_t>(has_staple ? staple_len : 0));
    if (has_staple) {
      w.u16(static_cast<std::uint16_t>(wire::ExtensionType::status_request));
      w.u16(static_cast<std::uint16_t>(kStatusHead + staple.size()));
      write_status_head(w, staple.size());
    }
    if (!visit(ByteView{w.written()})) return;
    if (has_staple && !visit(staple)) return;
  }
  if (tls13_ || !staple_) return;
  wire::Writer w{head};
  write_handshake_header(w, wire::HandshakeType::certificate_status, kStatusHead + staple.size());
  write_status_head(w, staple.size());
  if (visit(ByteView{w.written()})) visit(staple);
}

std::size_t CertificateMessage::copy_to(std::size_t offset, MutableBytes out) const noexcept {
  std::size_t copied = 0;
  for_each_part([&](ByteView part) {
    if (offset >= part.size()) {
      offset -= part.size();
      return true;
    }
    const ByteView from = part.subspan(offset);
    offset = 0;
    const std::size_t n = std::min(from.size(), out.size() - copied);
    copy_bytes(from.first(n), out.subspan(copied));
    copied += n;
    return copied < out.size();
  });
  return copied;
}

void CertificateMessage::update(crypto::TranscriptHash& transcript) const noexcept {
  for_each_part([&transcript](ByteView part) {
    transcript.update(part);
    return true;
  });
}

template <std::size_t kCapacity>
void BasicFlight<kCapacity>::clear() noexcept {
  used_ = 0;
  taken_ = 0;
  done_ = 0;
  num_steps_ = 0;
  next_ = 0;
}

template <std::size_t kCapacity>
void BasicFlight<kCapacity>::add(Part part, std::size_t len) noexcept {
  if (num_steps_ == kMaxSteps) return;  // the scripts are fixed; the longest has eleven steps
  steps_[num_steps_++] = {part, static_cast<std::uint16_t>(len)};
}

template <std::size_t kCapacity>
std::size_t BasicFlight<kCapacity>::copy_messages(const Sources& sources,
                                                  MutableBytes out) noexcept {
  std::size_t copied = 0;
  while (!empty() && copied < out.size()) {
    const Step& step = steps_[next_];
    const MutableBytes room = out.subspan(copied);
    std::size_t n = 0;
    std::size_t step_len = step.len;
    if (step.part == Part::messages) {
      n = std::min<std::size_t>(room.size(), step.len - done_);
      copy_bytes(ByteView{bytes_}.subspan(taken_, n), room);
      taken_ = static_cast<std::uint16_t>(taken_ + n);
    } else if (step.part == Part::certificate) {
      n = sources.certificate->copy_to(done_, room);
      step_len = sources.certificate->len();
    } else if (step.part == Part::prime || step.part == Part::certificate_request) {
      const ByteView from = step.part == Part::prime ? sources.prime : sources.certificate_request;
      n = std::min(room.size(), from.size() - done_);
      step_len = from.size();
      copy_bytes(from.subspan(done_, n), room);
    } else {
      break;
    }
    copied += n;
    done_ = static_cast<std::uint16_t>(done_ + n);
    if (done_ < step_len) break;  // the room is full
    done_ = 0;
    pop();
  }
  return copied;
}

template class BasicFlight<1'424>;
template class BasicFlight<1'152 + 1'024 + 2'048>;

}  // namespace sallyport::tls
