// lossy_bridge: carries frames between two interfaces and loses, repeats, reorders and corrupts a
// share of them, for system tests on machines whose kernel has no netem.
//
//   lossy_bridge --left IFACE --right IFACE [--loss P] [--burst N] [--duplicate P] [--reorder P]
//                [--corrupt P] [--delay_ms N] [--seed N]
//
// P is a probability between 0 and 1, drawn for every frame and direction on its own.  With --burst
// frames are lost in runs of N on average, none of them longer than 10 ms; the share that is lost
// remains P, or a little less.  A reordered frame waits until one to eight later frames of its
// direction have passed, or 5 ms.  A corrupted frame has one bit flipped behind its Ethernet
// header.  Each frame then takes --delay_ms.  One seed gives one sequence of draws; which frame
// meets which draw still depends on the arrival order.  SIGTERM ends it with one line of JSON.
//
// The interfaces must deliver frames of wire size with complete checksums: switch the senders'
// segmentation and checksum offloads off (ethtool -K).
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "tests/system/draw.h"

namespace {

using sallyport::testing::Draw;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kEthernetHeader = 14;
constexpr std::size_t kMaxFrame = 65'536;
constexpr int kFramesPerTurn = 64;
constexpr std::uint64_t kMaxOvertaking = 8;
constexpr auto kMaxHold = std::chrono::milliseconds{5};
// A run that were counted in frames alone would outlast every time-out of a sender that has only
// one frame to send.
constexpr auto kMaxRun = std::chrono::milliseconds{10};
constexpr auto kPollMilliseconds = 1;

volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int /*signal*/) { stop_requested = 1; }

[[noreturn]] void die(const char* what, const char* detail) {
  std::fprintf(stderr, "lossy_bridge: %s %s: %s\n", what, detail, std::strerror(errno));
  std::exit(1);
}

struct Faults {
  double loss = 0;
  double burst = 1;  // frames lost in a row, on average
  double duplicate = 0;
  double reorder = 0;
  double corrupt = 0;
  std::uint32_t delay_ms = 0;
  std::uint64_t seed = 1;
};

struct Options {
  const char* left = nullptr;
  const char* right = nullptr;
  Faults faults;
};

struct Tally {
  std::uint64_t frames = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t refused = 0;  // the kernel did not take them
};

class PacketSocket {
 public:
  explicit PacketSocket(const char* interface)
      : fd_{socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL))} {
    if (fd_ < 0) die("cannot open a packet socket on", interface);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    if (address.sll_ifindex == 0) die("no interface", interface);
    // The generic socket address is how the API is typed.
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      die("cannot bind to", interface);
    }
    packet_mreq promiscuous{};
    promiscuous.mr_ifindex = address.sll_ifindex;
    promiscuous.mr_type = PACKET_MR_PROMISC;
    set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous, interface);
    set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, interface);
    set(SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20, interface);
    set(SOL_SOCKET, SO_SNDBUFFORCE, 32 << 20, interface);
  }
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;
  ~PacketSocket() { close(fd_); }

  [[nodiscard]] int fd() const { return fd_; }
  // receive returns an empty span when nothing waits.
  [[nodiscard]] std::span<std::uint8_t> receive(std::span<std::uint8_t> buffer) const {
    const ssize_t len = recv(fd_, buffer.data(), buffer.size(), 0);
    if (len < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN) die("cannot", "receive");
    return buffer.first(len > 0 ? static_cast<std::size_t>(len) : 0);
  }
  [[nodiscard]] bool transmit(std::span<const std::uint8_t> frame) const {
    return send(fd_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
  }

 private:
  template <class Value>
  void set(int level, int option, const Value& value, const char* interface) const {
    if (setsockopt(fd_, level, option, &value, sizeof value) != 0) die("cannot set up", interface);
  }
  int fd_;
};

// Direction carries frames one way.
class Direction {
 public:
  Direction(const PacketSocket& from, const PacketSocket& to, const Faults& faults,
            std::uint64_t salt)
      : from_{from}, to_{to}, faults_{faults}, draw_{faults.seed * 2 + salt}, buffer_(kMaxFrame) {}

  void carry() {
    for (int i = 0; i < kFramesPerTurn; ++i) {
      const std::span<std::uint8_t> frame = from_.receive(buffer_);
      if (frame.empty()) break;
      pass(frame);
    }
    let_go_if(Clock::now() - held_since_ >= kMaxHold);
    while (!late_.empty() && late_.front().due <= Clock::now()) {
      transmit_now(late_.front().frame);
      late_.pop_front();
    }
  }
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  void pass(std::span<std::uint8_t> frame) {
    ++tally_.frames;
    if (is_lost()) {
      ++tally_.lost;
      return;
    }
    if (frame.size() > kEthernetHeader && draw_.happens(faults_.corrupt)) {
      const std::uint64_t bit = draw_.below((frame.size() - kEthernetHeader) * 8);
      std::uint8_t& byte = frame[kEthernetHeader + bit / 8];
      byte = static_cast<std::uint8_t>(byte ^ (1U << (bit % 8)));
      ++tally_.corrupted;
    }
    const bool twice = draw_.happens(faults_.duplicate);
    if (held_.empty() && draw_.happens(faults_.reorder)) {
      held_.assign(frame.begin(), frame.end());
      held_since_ = Clock::now();
      still_to_overtake_ = 1 + draw_.below(kMaxOvertaking);
      ++tally_.reordered;
    } else {
      transmit(frame);
      let_go_if(--still_to_overtake_ == 0);
    }
    if (twice) {
      transmit(frame);
      ++tally_.duplicated;
    }
  }
  bool is_lost() {
    if (faults_.burst <= 1) return draw_.happens(faults_.loss);
    // Gilbert's model: a run goes on with one probability and begins with another.
    if (losing_ && Clock::now() - losing_since_ >= kMaxRun) losing_ = false;
    const double begins = faults_.loss / (faults_.burst * (1 - faults_.loss));
    const bool lost = draw_.happens(losing_ ? 1 - 1 / faults_.burst : begins);
    if (lost && !losing_) losing_since_ = Clock::now();
    losing_ = lost;
    return lost;
  }
  void let_go_if(bool due) {
    if (held_.empty() || !due) return;
    transmit(held_);
    held_.clear();
  }
  void transmit(std::span<const std::uint8_t> frame) {
    if (faults_.delay_ms == 0) {
      transmit_now(frame);
    } else {
      late_.push_back({Clock::now() + std::chrono::milliseconds{faults_.delay_ms},
                       {frame.begin(), frame.end()}});
    }
  }
  void transmit_now(std::span<const std::uint8_t> frame) {
    if (!to_.transmit(frame)) ++tally_.refused;
  }

  struct Late {
    Clock::time_point due;
    std::vector<std::uint8_t> frame;
  };

  const PacketSocket& from_;
  const PacketSocket& to_;
  Faults faults_;
  Draw draw_;
  Tally tally_;
  std::vector<std::uint8_t> buffer_;
  std::vector<std::uint8_t> held_;  // the frame that waits to be overtaken, or nothing
  Clock::time_point held_since_;
  std::uint64_t still_to_overtake_ = 0;
  bool losing_ = false;  // the last frame was lost
  Clock::time_point losing_since_;
  std::deque<Late> late_;  // in the order in which they are due
};

[[noreturn]] void usage() {
  std::fputs(
      "usage: lossy_bridge --left IFACE --right IFACE [--loss P] [--burst N] [--duplicate P]\n"
      "                    [--reorder P] [--corrupt P] [--delay_ms N] [--seed N]\n",
      stderr);
  std::exit(2);
}

template <class Number>
Number parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) usage();
  return value;
}

Options parse_options(std::span<char* const> words) {
  Options options;
  for (; words.size() >= 2; words = words.subspan(2)) {
    const std::string_view name = words[0];
    if (name == "--left") {
      options.left = words[1];
    } else if (name == "--right") {
      options.right = words[1];
    } else if (name == "--loss") {
      options.faults.loss = parse<double>(words[1]);
    } else if (name == "--burst") {
      options.faults.burst = parse<double>(words[1]);
    } else if (name == "--duplicate") {
      options.faults.duplicate = parse<double>(words[1]);
    } else if (name == "--reorder") {
      options.faults.reorder = parse<double>(words[1]);
    } else if (name == "--corrupt") {
      options.faults.corrupt = parse<double>(words[1]);
    } else if (name == "--delay_ms") {
      options.faults.delay_ms = parse<std::uint32_t>(words[1]);
    } else if (name == "--seed") {
      options.faults.seed = parse<std::uint64_t>(words[1]);
    } else {
      usage();
    }
  }
  if (!words.empty() || options.left == nullptr || options.right == nullptr) usage();
  if (options.faults.loss < 0 || options.faults.loss >= 1) usage();
  return options;
}

void print(const char* name, const Tally& tally, const char* after) {
  std::printf(
      "\"%s\": {\"frames\": %llu, \"lost\": %llu, \"duplicated\": %llu, \"reordered\": %llu, "
      "\"corrupted\": %llu, \"refused\": %llu}%s",
      name, static_cast<unsigned long long>(tally.frames),
      static_cast<unsigned long long>(tally.lost),
      static_cast<unsigned long long>(tally.duplicated),
      static_cast<unsigned long long>(tally.reordered),
      static_cast<unsigned long long>(tally.corrupted),
      static_cast<unsigned long long>(tally.refused), after);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options =
      parse_options(std::span<char* const>{argv, static_cast<std::size_t>(argc)}.subspan(1));
  struct sigaction action {};
  action.sa_handler = request_stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  const PacketSocket left{options.left};
  const PacketSocket right{options.right};
  Direction rightward{left, right, options.faults, 0};
  Direction leftward{right, left, options.faults, 1};
  std::puts("ready");
  std::fflush(stdout);

  std::array<pollfd, 2> waiting{{{left.fd(), POLLIN, 0}, {right.fd(), POLLIN, 0}}};
  while (stop_requested == 0) {
    if (poll(waiting.data(), waiting.size(), kPollMilliseconds) < 0 && errno != EINTR) {
      die("cannot", "wait");
    }
    rightward.carry();
    leftward.carry();
  }
  std::printf("{");
  print("rightward", rightward.tally(), ", ");
  print("leftward", leftward.tally(), "}\n");
  return 0;
}
