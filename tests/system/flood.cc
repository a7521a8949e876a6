// flood: sends packets of one kind, from addresses that are not its own, as fast as it can or as it
// is told, for system tests.
//
//   flood --interface IFACE --from MAC --to MAC --sources PREFIX --target ADDRESS:PORT --kind KIND
//         [--rate N] [--count N] [--seconds N] [--seed N]
//
// KIND   syn       with the options that Linux sends
//        ack       without data, its sequence and acknowledgment numbers drawn
//        rst, fin  the same with RST, or with FIN and ACK
//        data      an ACK with 200 bytes that begin as a ClientHello does
//        fragment  first, middle and last ones of datagrams that never become complete
//
// Source addresses are drawn from PREFIX, source ports from 1024 on.  --rate is packets per second
// (0: as fast as possible).  It ends after --count packets (a million) or --seconds (10, at most
// 60) and on SIGTERM, with one line of JSON.  Whatever it is asked for, it only sends between
// addresses that are set aside for tests: 198.18.0.0/15 (RFC 2544) and 2001:db8::/32 (RFC 3849).
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <string_view>

#include "lib/base/address.h"
#include "lib/base/internet_sum.h"
#include "lib/wire/headers.h"
#include "lib/wire/writer.h"
#include "tests/system/draw.h"

namespace {

using sallyport::Be16;
using sallyport::ByteView;
using sallyport::IpAddress;
using sallyport::IpPrefix;
using sallyport::MacAddress;
using sallyport::MutableBytes;
using sallyport::SocketAddress;
using sallyport::testing::Draw;
namespace wire = sallyport::wire;

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMaxFrame = 512;
constexpr std::size_t kDataLength = 200;
constexpr std::uint64_t kMaxSeconds = 60;

volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int /*signal*/) { stop_requested = 1; }

[[noreturn]] void die(const char* what, const char* detail) {
  std::fprintf(stderr, "flood: %s %s: %s\n", what, detail, std::strerror(errno));
  std::exit(1);
}

enum class Kind : std::uint8_t { syn, ack, rst, fin, data, fragment };

struct Options {
  const char* interface = nullptr;
  wire::Ethernet ethernet;
  IpPrefix sources;
  SocketAddress target;
  Kind kind = Kind::syn;
  std::uint64_t rate = 0;
  std::uint64_t count = 1'000'000;
  std::uint64_t seconds = 10;
  std::uint64_t seed = 1;
};

// Packets writes one frame after the other.
class Packets {
 public:
  explicit Packets(const Options& options) : options_{options}, draw_{options.seed} {
    constexpr std::array<std::uint8_t, 11> kClientHello{
        0x16, 0x03, 0x01, 0x00, kDataLength - 5, 0x01, 0x00, 0x00, kDataLength - 9, 0x03, 0x03};
    std::ranges::copy(kClientHello, data_.begin());
  }

  // next returns the length of the frame that it has written to `room`.
  std::size_t next(std::span<std::uint8_t, kMaxFrame> room) {
    const wire::Ip ip{.source = source(), .destination = options_.target.ip};
    if (options_.kind == Kind::fragment) return fragment(room, ip);
    const std::uint64_t numbers = draw_.next();
    const std::uint64_t more = draw_.next();
    wire::TcpHeaders headers{
        .ethernet = options_.ethernet,
        .ip = ip,
        .tcp = {.source_port = static_cast<std::uint16_t>(1024 + more % (65'536 - 1024)),
                .destination_port = options_.target.port,
                .sequence_number = static_cast<std::uint32_t>(numbers),
                .acknowledgment_number = static_cast<std::uint32_t>(numbers >> 32U),
                .flags = {flags()},
                .window = 64'240,
                .options = {}}};
    wire::TcpOptions& tcp_options = headers.tcp.options;
    tcp_options.has_timestamps = options_.kind != Kind::rst;
    tcp_options.tsval = static_cast<std::uint32_t>(more >> 32U);
    if (options_.kind == Kind::syn) {
      headers.tcp.acknowledgment_number = 0;
      tcp_options.mss = ip.source.is_v4() ? 1460 : 1440;
      tcp_options.sack_permitted = tcp_options.has_window_scale = true;
      tcp_options.window_scale = 7;
    }
    const ByteView payload = options_.kind == Kind::data ? ByteView{data_} : ByteView{};
    const std::size_t len = header_lengths(headers).total();
    std::ranges::copy(payload, room.begin() + static_cast<std::ptrdiff_t>(len));
    wire::write_tcp_headers(room.first(len), headers, payload, wire::Completion::software);
    return len + payload.size();
  }

 private:
  [[nodiscard]] std::uint8_t flags() const {
    switch (options_.kind) {
      case Kind::syn:
        return 0x02;
      case Kind::rst:
        return 0x04;
      case Kind::fin:
        return 0x11;
      case Kind::data:
        return 0x18;
      case Kind::ack:
      case Kind::fragment:
        break;
    }
    return 0x10;
  }

  IpAddress source() {
    const IpAddress& base = options_.sources.address;
    IpAddress::Bytes16 bytes = base.bytes();
    const std::size_t fixed = options_.sources.length + (base.is_v4() ? 96U : 0U);
    std::uint64_t random = draw_.next();
    for (std::size_t i = bytes.size(); i-- > 0 && i * 8 + 8 > fixed;) {
      if (i == 7) random = draw_.next();
      const unsigned kept = fixed > i * 8 ? 0xff00U >> (fixed - i * 8) & 0xffU : 0U;
      bytes[i] = static_cast<std::uint8_t>((bytes[i] & kept) | (random & ~kept & 0xffU));
      random >>= 8U;
    }
    return base.is_v4() ? IpAddress::v4({bytes[12], bytes[13], bytes[14], bytes[15]})
                        : IpAddress::v6(bytes);
  }

  // fragment writes a piece of a TCP segment, with TCP ports where it is the first one.
  std::size_t fragment(MutableBytes room, const wire::Ip& ip) {
    constexpr std::size_t kPiece = 64;
    constexpr std::size_t kFragmentHeader = 8;
    const std::uint64_t drawn = draw_.next();
    const auto place = static_cast<unsigned>(drawn % 3);  // first, middle, last
    const bool more = place < 2;
    const std::uint16_t offset = static_cast<std::uint16_t>(place * kPiece / 8);
    const bool v4 = ip.source.is_v4();
    wire::Writer w{room};
    wire::write_ethernet(w, options_.ethernet, ether_type(ip));
    if (v4) {
      const std::size_t at = w.size();
      wire::write_ip(w, ip, wire::IpProtocol::tcp, kPiece, wire::Completion::port);
      auto header = sallyport::load<wire::Ipv4Header>(room.subspan(at));
      header.identification = Be16::of(static_cast<std::uint16_t>(drawn >> 16U));
      header.flags_and_offset =
          Be16::of(static_cast<std::uint16_t>(offset | (more ? wire::kMoreFragments : 0U)));
      sallyport::store(room.subspan(at), header);
      header.checksum = sallyport::InternetSum{}.add(room.subspan(at, sizeof header)).checksum();
      sallyport::store(room.subspan(at), header);
    } else {
      wire::write_ip(w, ip, wire::IpProtocol::fragment, kFragmentHeader + kPiece,
                     wire::Completion::software);
      w.u8(static_cast<std::uint8_t>(wire::IpProtocol::tcp));
      w.u8(0);
      w.u16(static_cast<std::uint16_t>(offset << 3U | (more ? 1U : 0U)));
      w.u32(static_cast<std::uint32_t>(drawn >> 32U));
    }
    w.u16(static_cast<std::uint16_t>(1024 + (drawn >> 48U) % 60'000));
    w.u16(options_.target.port);
    w.bytes(ByteView{data_}.first(kPiece - 4));
    return w.size();
  }

  const Options& options_;
  Draw draw_;
  std::array<std::uint8_t, kDataLength> data_{};
};

class PacketSocket {
 public:
  explicit PacketSocket(const char* interface)
      : fd_{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)} {  // protocol 0: receives nothing
    if (fd_ < 0) die("cannot open a packet socket on", interface);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    if (address.sll_ifindex == 0) die("no interface", interface);
    const int yes = 1;
    // The generic socket address is how the API is typed.
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        setsockopt(fd_, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes) != 0) {
      die("cannot bind to", interface);
    }
  }
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;
  ~PacketSocket() { close(fd_); }

  // send returns how many the kernel took.
  [[nodiscard]] std::size_t send(std::span<mmsghdr> messages) const {
    const int taken = sendmmsg(fd_, messages.data(), static_cast<unsigned>(messages.size()), 0);
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) die("cannot", "send");
    return 0;
  }

 private:
  int fd_;
};

[[noreturn]] void usage(const char* why) {
  std::fprintf(stderr,
               "flood: %s\n"
               "usage: flood --interface IFACE --from MAC --to MAC --sources PREFIX\n"
               "             --target ADDRESS:PORT --kind syn|ack|rst|fin|data|fragment\n"
               "             [--rate N] [--count N] [--seconds N] [--seed N]\n",
               why);
  std::exit(2);
}

std::uint64_t parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) usage("not a number");
  return value;
}

Kind parse_kind(std::string_view text) {
  constexpr std::array<std::string_view, 6> kNames{"syn", "ack", "rst", "fin", "data", "fragment"};
  const auto found = std::ranges::find(kNames, text);
  if (found == kNames.end()) usage("unknown kind");
  return static_cast<Kind>(found - kNames.begin());
}

template <class Value>
Value required(const std::optional<Value>& value, const char* why) {
  if (!value) usage(why);
  return *value;
}

bool is_for_tests(const IpPrefix& prefix) {
  const IpPrefix v4{IpAddress::v4({198, 18, 0, 0}), 15};
  const IpPrefix v6{IpAddress::v6({0x20, 0x01, 0x0d, 0xb8}), 32};
  const IpPrefix& all = prefix.address.is_v4() ? v4 : v6;
  return prefix.length >= all.length && all.contains(prefix.address);
}

Options parse_options(std::span<char* const> words) {
  Options options;
  for (; words.size() >= 2; words = words.subspan(2)) {
    const std::string_view name = words[0];
    const std::string_view value = words[1];
    if (name == "--interface") {
      options.interface = words[1];
    } else if (name == "--from") {
      options.ethernet.source = required(sallyport::parse_mac(value), "no MAC address");
    } else if (name == "--to") {
      options.ethernet.destination = required(sallyport::parse_mac(value), "no MAC address");
    } else if (name == "--sources") {
      options.sources = required(sallyport::parse_prefix(value), "no prefix");
    } else if (name == "--target") {
      options.target = required(sallyport::parse_socket_address(value), "no address and port");
    } else if (name == "--kind") {
      options.kind = parse_kind(value);
    } else if (name == "--rate") {
      options.rate = parse_number(value);
    } else if (name == "--count") {
      options.count = parse_number(value);
    } else if (name == "--seconds") {
      options.seconds = parse_number(value);
    } else if (name == "--seed") {
      options.seed = parse_number(value);
    } else {
      usage("unknown option");
    }
  }
  if (!words.empty() || options.interface == nullptr) usage("an option is missing");
  if (options.seconds > kMaxSeconds) usage("too long");
  const std::uint8_t whole = options.target.ip.is_v4() ? 32 : 128;
  if (options.target.ip.is_v4() != options.sources.address.is_v4() ||
      !is_for_tests(options.sources) || !is_for_tests({options.target.ip, whole})) {
    usage("sends only between addresses of one family in 198.18.0.0/15 or 2001:db8::/32");
  }
  return options;
}

void sleep_until(Clock::time_point when) {
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(when - Clock::now());
  if (left.count() <= 0) return;
  const timespec span{.tv_sec = left.count() / 1'000'000'000,
                      .tv_nsec = left.count() % 1'000'000'000};
  nanosleep(&span, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options =
      parse_options(std::span<char* const>{argv, static_cast<std::size_t>(argc)}.subspan(1));
  struct sigaction action {};
  action.sa_handler = request_stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  const PacketSocket out{options.interface};
  Packets packets{options};
  std::array<std::array<std::uint8_t, kMaxFrame>, kBatch> frames;
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    pieces[i].iov_base = frames[i].data();
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  // A slow flood comes in small bursts, too.
  const std::size_t batch =
      options.rate == 0 ? kBatch : std::clamp<std::size_t>(options.rate / 4000, 1, kBatch);

  const Clock::time_point began = Clock::now();
  const Clock::time_point end = began + std::chrono::seconds{options.seconds};
  std::uint64_t offered = 0;
  std::uint64_t sent = 0;
  while (stop_requested == 0 && offered < options.count && Clock::now() < end) {
    if (options.rate != 0) {
      sleep_until(
          std::min(end, began + std::chrono::nanoseconds{offered * 1'000'000'000U / options.rate}));
    }
    const std::size_t num = std::min<std::uint64_t>(batch, options.count - offered);
    for (std::size_t i = 0; i < num; ++i) pieces[i].iov_len = packets.next(frames[i]);
    sent += out.send(std::span{messages}.first(num));
    offered += num;
  }
  const std::chrono::duration<double> took = Clock::now() - began;
  std::printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.3f}\n",
              static_cast<unsigned long long>(sent),
              static_cast<unsigned long long>(offered - sent), took.count());
  return 0;
}
