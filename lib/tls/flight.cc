#include "lib/tls/flight.h"

#include <algorithm>

#include "lib/tls/pieces.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {

CertificateMessage::CertificateMessage(const Credential& credential,
                                       wire::ProtocolVersion version) noexcept
    : credential_{credential}, tls13_{version == wire::ProtocolVersion::tls13} {
  for_each_part([this](ByteView part) {
    len_ += part.size();
    return true;
  });
}

template <class Visit>
void CertificateMessage::for_each_part(Visit&& visit) const noexcept {
  // [RFC 8446 4.4.2] every entry ends with its extensions, of which we have none.
  const std::size_t entry_tail = tls13_ ? 2 : 0;
  std::size_t list_len = 0;
  for (const auto& certificate : credential_.chain) {
    list_len += 3 + certificate.size() + entry_tail;
  }
  std::array<std::uint8_t, 8> head{};
  wire::Writer w{head};
  w.u8(static_cast<std::uint8_t>(wire::HandshakeType::certificate));
  // [RFC 8446 4.4.2] a server's certificate_request_context is empty; TLS 1.2 has no such field.
  w.u24(static_cast<std::uint32_t>((tls13_ ? 1 : 0) + 3 + list_len));
  if (tls13_) w.u8(0);
  w.u24(static_cast<std::uint32_t>(list_len));
  if (!visit(ByteView{w.written()})) return;
  for (const auto& certificate : credential_.chain) {
    const auto len = Be24::of(static_cast<std::uint32_t>(certificate.size()));
    static constexpr std::array<std::uint8_t, 2> kNoExtensions{};
    if (!visit(ByteView{len.bytes}) || !visit(ByteView{certificate})) return;
    if (!visit(ByteView{kNoExtensions}.first(entry_tail))) return;
  }
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

void Flight::clear() noexcept {
  used_ = 0;
  taken_ = 0;
  done_ = 0;
  num_steps_ = 0;
  next_ = 0;
}

void Flight::add(Part part, std::size_t len) noexcept {
  if (num_steps_ == kMaxSteps) return;  // the scripts are fixed; the longest has eight steps
  steps_[num_steps_++] = {part, static_cast<std::uint16_t>(len)};
}

std::size_t Flight::copy_messages(const CertificateMessage& certificate, ByteView prime,
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
      n = certificate.copy_to(done_, room);
      step_len = certificate.len();
    } else if (step.part == Part::prime) {
      n = std::min(room.size(), prime.size() - done_);
      step_len = prime.size();
      copy_bytes(prime.subspan(done_, n), room);
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

}  // namespace sallyport::tls
