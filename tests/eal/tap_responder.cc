// A loop on net_tap that answers ARP and ICMP echo for one address: shows, with the kernel as its
// peer, that frames flow both ways.  usage: tap_responder IFACE ADDRESS NUM_LCORES SECONDS
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/address.h"
#include "lib/dpdk/io_lcore.h"

namespace sallyport::dpdk {
namespace {

std::atomic<bool> stop{false};

// Responder turns each request into its answer, in the frame that it came in.
struct Responder {
  MacAddress mac;
  IpAddress ip;

  void process(std::span<frame::Frame* const> rx, std::span<crypto::CryptoJob* const> /*done*/,
               Tsc /*now*/, frame::Outbox& out) noexcept {
    for (frame::Frame* f : rx) {
      if (!(is_arp_request(*f) ? answer_arp(*f) : answer_echo(*f))) continue;
      f->kept = true;
      out.send(*f);
    }
  }
  std::size_t run_jobs(std::span<crypto::CryptoJob* const> /*jobs*/,
                       std::span<crypto::CryptoJob*> /*finished*/, Tsc /*now*/) noexcept {
    return 0;
  }

 private:
  static bool is_arp_request(const frame::Frame& f) noexcept {
    const ByteView b = f.bytes();
    return b.size() >= 42 && b[12] == 0x08 && b[13] == 0x06 && b[21] == 1;
  }
  void answer_ethernet(MutableBytes b) const noexcept {
    std::copy_n(&b[6], 6, &b[0]);
    std::ranges::copy(mac.bytes, &b[6]);
  }
  bool answer_arp(frame::Frame& f) const noexcept {
    const MutableBytes b = f.bytes();
    if (!std::ranges::equal(b.subspan(38, 4), ip.octets())) return false;
    answer_ethernet(b);
    b[21] = 2;
    std::copy_n(&b[22], 10, &b[32]);
    std::ranges::copy(mac.bytes, &b[22]);
    std::ranges::copy(ip.octets(), &b[28]);
    return true;
  }
  bool answer_echo(frame::Frame& f) const noexcept {
    const MutableBytes b = f.bytes();
    if (b.size() < 42 || b[12] != 0x08 || b[13] != 0x00 || b[23] != 1 || b[34] != 8) return false;
    if (!std::ranges::equal(b.subspan(30, 4), ip.octets())) return false;
    answer_ethernet(b);
    std::swap_ranges(&b[26], &b[30], &b[30]);
    // The header sum does not change by the exchange, but the port is to fill it in.
    b[24] = b[25] = 0;
    f.tx = {.l2_len = 14, .l3_len = 20, .ip_checksum = true};
    // [RFC 1624] The type falls from 8 to 0, so the checksum rises by 0x0800.
    const unsigned sum = ((unsigned{b[36]} << 8) | b[37]) + 0x0800U;
    const unsigned folded = (sum & 0xffff) + (sum >> 16);
    b[34] = 0;
    b[36] = static_cast<std::uint8_t>(folded >> 8);
    b[37] = static_cast<std::uint8_t>(folded);
    return true;
  }
};

int fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

int run(const std::string& iface, const std::string& address, std::uint16_t num, int seconds) {
  Eal eal;
  EalOptions eal_options;
  eal_options.instance = "responder-" + iface;
  for (unsigned i = 1; i <= num; ++i) eal_options.lcores.push_back(i);
  eal_options.huge_pages = HugePages::off;
  if (const Failure failure = eal.start(eal_options)) return fail(*failure);
  FramePool rx_pool;
  FramePool tx_pool;
  Port port;
  SteeringMesh mesh;
  if (const Failure failure = rx_pool.create({"rx", 8191})) return fail(*failure);
  if (const Failure failure = tx_pool.create({"tx", 8191})) return fail(*failure);
  PortOptions port_options;
  port_options.name = "wan0";
  port_options.device = "net_tap0,iface=" + iface;
  port_options.num_queues = num;
  port_options.rx_pool = &rx_pool;
  port_options.reta = frame::Reta{num};
  if (const Failure failure = port.open(port_options)) return fail(*failure);
  if (const Failure failure = port.start()) return fail(*failure);
  if (const Failure failure = mesh.create(num)) return fail(*failure);
  const PortReport report = port.report();
  std::printf("%s %s steering %s (%s)\n", report.driver.c_str(), to_string(report.mac).c_str(),
              name_of(report.steering), report.steering_reason.c_str());
  for (const Choice& choice : report.choices) {
    std::printf("  %s %s %s\n", choice.offload, name_of(choice.provider), choice.reason.c_str());
  }
  std::fflush(stdout);

  Responder responder{port.mac(), *parse_ip(address)};
  const std::array<Port*, 1> ports{&port};
  auto stats = std::make_unique<stats::WorkerStats[]>(num);
  std::vector<std::unique_ptr<IoLcore<Responder>>> lcores;
  for (std::uint16_t i = 0; i < num; ++i) {
    IoLcoreOptions options;
    options.queues = {i,         ports,          num > 1 ? &mesh : nullptr, frame::Reta{num},
                      &stats[i], Eal::tsc_rate()};
    options.tx_pool = &tx_pool;
    options.idle = IdleMode::sleep;
    options.stop = &stop;
    lcores.push_back(std::make_unique<IoLcore<Responder>>(options, responder));
    if (!eal.launch(i + 1U, IoLcore<Responder>::entry, lcores.back().get())) return fail("launch");
  }
  for (int i = 0; i < seconds * 20 && !stop; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  stop = true;
  for (std::uint16_t i = 0; i < num; ++i) {
    Eal::wait(i + 1U);
    using stats::Traffic;
    const auto& traffic = stats[i].traffic;
    std::printf("worker %u rx %lu tx %lu steered_in %lu steered_out %lu\n", unsigned{i},
                traffic.value(Traffic::rx_frames), traffic.value(Traffic::tx_frames),
                traffic.value(Traffic::steered_in), traffic.value(Traffic::steered_out));
  }
  mesh.drain();
  port.stop();
  port.close();
  std::printf("leaked %u\n", rx_pool.num_in_use() + tx_pool.num_in_use());
  return rx_pool.num_in_use() + tx_pool.num_in_use() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace sallyport::dpdk

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) { sallyport::dpdk::stop = true; });
  }
  return sallyport::dpdk::run(argv[1], argv[2], static_cast<std::uint16_t>(std::atoi(argv[3])),
                              std::atoi(argv[4]));
}
