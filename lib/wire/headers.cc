#include "lib/wire/headers.h"

#include "lib/base/internet_sum.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

HeaderLengths header_lengths(const TcpHeaders& headers) noexcept {
  return {static_cast<std::uint8_t>(ethernet_length(headers.ethernet)),
          static_cast<std::uint8_t>(ip_header_length(headers.ip)),
          static_cast<std::uint8_t>(sizeof(TcpHeader) + tcp_options_length(headers.tcp.options))};
}

HeaderLengths write_tcp_headers(MutableBytes room, const TcpHeaders& headers, ByteView payload,
                                Completion completion) noexcept {
  const HeaderLengths lengths = header_lengths(headers);
  const TcpSegment& tcp = headers.tcp;
  const Ip& ip = headers.ip;
  const std::size_t segment_len = lengths.l4 + payload.size();

  Writer w{room};
  write_ethernet(w, headers.ethernet, ether_type(ip));
  write_ip(w, ip, IpProtocol::tcp, segment_len, completion);

  const MutableBytes l4 = w.reserve(lengths.l4);
  if (l4.empty()) return lengths;
  const MutableBytes options = l4.subspan(sizeof(TcpHeader));
  write_tcp_options(options, tcp.options);

  const std::uint32_t ports = (std::uint32_t{tcp.source_port} << 16) | tcp.destination_port;
  const std::uint32_t offset_flags_window =
      (std::uint32_t{lengths.l4} / 4U << 28) | (std::uint32_t{tcp.flags.bits} << 16) | tcp.window;
  InternetSum sum;
  sum.add_pseudo_header(ip.source, ip.destination, static_cast<std::uint8_t>(IpProtocol::tcp),
                        static_cast<std::uint32_t>(segment_len));
  std::uint32_t checksum = 0;
  if (completion == Completion::port) {
    checksum = sum.sum().host();
  } else {
    sum.add_u32(ports).add_u32(tcp.sequence_number).add_u32(tcp.acknowledgment_number);
    checksum = sum.add_u32(offset_flags_window).add(options).add(payload).checksum().host();
  }
  Writer fixed{l4.first(sizeof(TcpHeader))};
  fixed.u32(ports);
  fixed.u32(tcp.sequence_number);
  fixed.u32(tcp.acknowledgment_number);
  fixed.u32(offset_flags_window);
  fixed.u32(checksum << 16);  // no urgent data
  return lengths;
}

}  // namespace sallyport::wire
