#include "lib/wire/headers.h"

#include "lib/wire/checksum.h"
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
  TcpHeader header{Be16::of(tcp.source_port),
                   Be16::of(tcp.destination_port),
                   Be32::of(tcp.sequence_number),
                   Be32::of(tcp.acknowledgment_number),
                   static_cast<std::uint8_t>(lengths.l4 / 4U << 4U),
                   tcp.flags.bits,
                   Be16::of(tcp.window),
                   Be16::of(0),
                   Be16::of(0)};
  store(l4, header);
  write_tcp_options(l4.subspan(sizeof header), tcp.options);

  InternetSum sum;
  sum.add_pseudo_header(ip.source, ip.destination, static_cast<std::uint8_t>(IpProtocol::tcp),
                        static_cast<std::uint32_t>(segment_len));
  if (completion == Completion::port) {
    header.checksum = sum.sum();
  } else {
    header.checksum = sum.add(l4).add(payload).checksum();
  }
  store(l4, header);
  return lengths;
}

}  // namespace sallyport::wire
