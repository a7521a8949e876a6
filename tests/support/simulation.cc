#include "tests/support/simulation.h"

#include <algorithm>
#include <bit>

#include "lib/base/check.h"
#include "lib/base/no_alloc.h"
#include "lib/wire/checksum.h"
#include "lib/wire/ethernet.h"
#include "tests/support/certificates.h"

namespace sallyport::testing {
namespace {

constexpr std::int64_t kUnixSeconds = 1'700'000'000;
constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr MacAddress kBackendMac{{0x02, 0, 0, 0, 0, 0x20}};

IpAddress address(bool ipv6, std::uint8_t host) {
  if (!ipv6) return IpAddress::v4({198, 18, 0, host});
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

// complete does what the lcore does for a port without offloads.
Bytes complete(const frame::Frame& f) {
  Bytes bytes{f.bytes().begin(), f.bytes().end()};
  const MutableBytes l3 = MutableBytes{bytes}.subspan(f.tx.l2_len);
  if (f.tx.ip_checksum) {
    wire::InternetSum sum;
    store(l3.subspan(10), sum.add(l3.first(f.tx.l3_len)).checksum());
  }
  if (f.tx.l4_checksum) {
    const MutableBytes l4 = l3.subspan(f.tx.l3_len);
    wire::InternetSum sum;
    store(l4.subspan(16), sum.add(l4).checksum());
  }
  return bytes;
}

x509::Credential make_credential(crypto::KeyType type) {
  if (type == crypto::KeyType::ecdsa_p256) {
    auto made = x509::make_self_signed(
        {.common_name = "sallyport.test", .dns_names = {}, .now = kUnixSeconds});
    SALLYPORT_CHECK(made.credential.has_value());
    return std::move(*made.credential);
  }
  Owned<EVP_PKEY> key = make_rsa_key(2048);
  const Owned<X509> certificate =
      make_certificate(key.get(), {.common_name = "sallyport.test",
                                   .alternatives = "DNS:sallyport.test",
                                   .not_before = kUnixSeconds - 1'000,
                                   .not_after = kUnixSeconds + 1'000'000});
  x509::Credential credential;
  unsigned char* der = nullptr;
  const int len = i2d_X509(certificate.get(), &der);
  SALLYPORT_CHECK(len > 0);
  credential.chain.emplace_back(der, der + len);
  OPENSSL_free(der);
  credential.names = {"sallyport.test"};
  credential.key_type = crypto::KeyType::rsa;
  credential.key_bits = 2048;
  credential.key = crypto::openssl::PrivateKey{key.release()};
  return credential;
}

}  // namespace

Simulation::Simulation(const SimulationOptions& options)
    : client{kClientMac, options.mtu,
             [this](Bytes frame) { put_on_link(To::worker, std::move(frame)); }},
      backends{kBackendMac, options.mtu,
               [this](Bytes frame) { put_on_link(To::worker, std::move(frame)); }},
      options_{options},
      random_{options.seed},
      out_{std::make_unique<frame::Outbox>(
          [](void* context, std::span<frame::Frame* const> frames) {
            // Both kinds of pool give back in the same way: by the frame's own count.
            auto* self = static_cast<Simulation*>(context);
            for (frame::Frame* f : frames) self->give_back(*f);
          },
          this)},
      credential_{make_credential(options.key_type)},
      stats_{std::make_unique<stats::WorkerStats>()} {
  SALLYPORT_CHECK(executor_.keys().add({0, 1}, credential_.key));
  certificate_pem_ = x509::certificate_pem(credential_);
  build_snapshot();
  options_.worker.tsc_rate = kRate;
  std::ranges::generate(options_.worker.seed,
                        [this] { return static_cast<std::uint8_t>(random_()); });
  worker_ = std::make_unique<worker::Worker>(options_.worker, arena_, reader_, *stats_, now_);
  worker_->use(snapshot_);
}

Simulation::~Simulation() {
  worker_->abandon(*out_);
  for (frame::Frame* f : out_->releases()) give_back(*f);
  out_->clear();
}

SocketAddress Simulation::listener() const { return {address(options_.ipv6, 10), kPort}; }
SocketAddress Simulation::backend(std::size_t i) const {
  return {address(options_.ipv6, static_cast<std::uint8_t>(20 + i)), kBackendPort};
}
tcp::Instant Simulation::instant() const { return tcp::Clock{kRate}.instant(now_); }

void Simulation::build_snapshot() {
  snapshot::Interface interface;
  interface.mac = worker_mac_;
  interface.mtu = options_.mtu;
  interface.addresses = {
      {address(options_.ipv6, 10), static_cast<std::uint8_t>(options_.ipv6 ? 64 : 24)}};
  interface.local_ips = {address(options_.ipv6, 10), address(options_.ipv6, 11)};
  interface.next_hops = {{backend(0).ip, kBackendMac, options_.backend_resolved}};

  auto tls_config = std::make_shared<tls::ServerConfig>();
  tls_config->credentials.push_back({.id = {0, 1},
                                     .key_type = credential_.key_type,
                                     .key_bits = credential_.key_bits,
                                     .chain = credential_.chain,
                                     .names = credential_.names});
  tls_config->alpn_protocols = options_.alpn;
  tls_config->cipher_suites = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                               0xc02c, 0xc030, 0xcca9, 0xcca8};
  tls_config->groups = {crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1};

  snapshot::Listener web;
  web.name = "web";
  web.address = listener();
  web.tls = tls_config;
  web.alpn_pools.assign(options_.alpn.size(), snapshot::PoolIndex{0});
  web.limits = {.handshake = kRate.ticks(seconds{10}),
                .client_hello = kRate.ticks(seconds{5}),
                .backend_connect = kRate.ticks(seconds{1}),
                .idle = kRate.ticks(seconds{60}),
                .half_close = kRate.ticks(seconds{10}),
                .client_receive_buffer = options_.receive_buffer,
                .backend_receive_buffer = options_.receive_buffer,
                .send_buffer = options_.send_buffer};

  snapshot::Pool pool;
  pool.name = "web";
  pool.source_addresses = {address(options_.ipv6, 11)};
  std::vector<balance::Candidate> candidates(options_.num_backends);
  for (std::size_t i = 0; i < options_.num_backends; ++i) {
    snapshot::Backend at;
    at.address = backend(i);
    pool.backends.push_back(at);
  }
  pool.plan = balance::Plan{balance::Method::round_robin, candidates};

  snapshot_.epoch = 1;
  snapshot_.configuration = 1;
  snapshot_.tsc_rate = kRate;
  snapshot_.wall = {now_, static_cast<std::uint64_t>(kUnixSeconds) * 1'000};
  snapshot_.cookie_keys = {.epoch = 0, .current = {11, 12}, .previous = {13, 14}};
  snapshot_.interfaces =
      std::make_shared<const std::vector<snapshot::Interface>>(1, std::move(interface));
  snapshot_.listeners = std::make_shared<const std::vector<snapshot::Listener>>(1, std::move(web));
  snapshot_.pools = std::make_shared<const std::vector<snapshot::Pool>>(1, std::move(pool));
}

void Simulation::set_draining(bool draining) { snapshot_.draining = draining; }

Socket& Simulation::connect() {
  return client.connect({address(options_.ipv6, 2), next_port_++}, listener(), worker_mac_,
                        instant());
}

bool Simulation::chance(double p) {
  return p > 0 && std::uniform_real_distribution<double>{}(random_) < p;
}

void Simulation::put_on_link(To to, Bytes frame) {
  const Faults& faults = options_.faults;
  if (chance(faults.loss)) return;
  if (chance(faults.corruption)) {
    const std::size_t bit = random_() % (frame.size() * 8);
    frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ (1U << (bit % 8)));
  }
  const auto put = [&](Bytes bytes) {
    const std::uint64_t extra = chance(faults.reordering) ? random_() % 2'000 : 0;
    const Nanos delay = microseconds{options_.delay_us + extra};
    in_flight_.push({now_ + kRate.ticks(delay), order_++, to, std::move(bytes)});
  };
  if (chance(faults.duplication)) put(frame);
  put(std::move(frame));
}

void Simulation::inject(ByteView frame) {
  if (frame::Frame* f = rx_pool_.take_copy(frame)) call_worker({f});
}

void Simulation::give_back(frame::Frame& f) {
  // The count says when the buffer is free; the pool that made it takes it.
  (rx_pool_.owns(f) ? rx_pool_ : tx_pool_).give_back(f);
}

void Simulation::process_and_execute(std::span<frame::Frame* const> rx) {
  const auto begin = __builtin_ia32_rdtsc();
  {
    const NoAllocScope no_alloc;
    worker_->process(rx, done_, now_, *out_);
  }
  done_.assign(out_->jobs().begin(), out_->jobs().end());
  executor_.run(done_, now_);
  worker_ticks += __builtin_ia32_rdtsc() - begin;
}

void Simulation::call_worker(std::vector<frame::Frame*> rx) {
  tx_pool_.refill(*out_);
  process_and_execute(rx);

  for (frame::Frame* f : in_nic_) give_back(*f);
  in_nic_.clear();
  for (frame::Frame* f : out_->tx()) {
    Bytes bytes = complete(*f);
    if (tap_) tap_(bytes);
    const MacAddress to = load<wire::EthernetHeader>(bytes).destination;
    if (to == kClientMac) put_on_link(To::client, std::move(bytes));
    if (to == kBackendMac) put_on_link(To::backend, std::move(bytes));
    if (options_.nic_holds_frames && chance(0.2)) {
      in_nic_.push_back(f);
    } else {
      give_back(*f);
    }
  }
  for (frame::Frame* f : rx) {
    if (!f->kept) give_back(*f);
  }
  for (frame::Frame* f : out_->releases()) give_back(*f);
  out_->clear();
}

void Simulation::deliver_due() {
  std::vector<frame::Frame*> rx;
  while (!in_flight_.empty() && in_flight_.top().at <= now_) {
    const InFlight next = in_flight_.top();
    in_flight_.pop();
    switch (next.to) {
      case To::worker:
        if (frame::Frame* f = rx_pool_.take_copy(next.frame)) {
          if (options_.checksums_offloaded) f->checksum = frame::ChecksumState::good;
          rx.push_back(f);
        }
        break;
      case To::client:
        client.receive(next.frame, instant());
        break;
      case To::backend:
        backends.receive(next.frame, instant());
        break;
    }
    if (rx.size() == 64) break;
  }
  call_worker(std::move(rx));
}

bool Simulation::run(const std::function<bool()>& done, Nanos limit) {
  const Tsc end = now_ + kRate.ticks(limit);
  while (now_ < end) {
    if (done()) return true;
    // While something is under way the worker is called often, as a polling lcore would be.
    const Nanos step = in_flight_.empty() && done_.empty() ? milliseconds{1} : microseconds{20};
    now_ = now_ + kRate.ticks(step);
    deliver_due();
    if (now_ >= next_tick_) {
      next_tick_ = now_ + kRate.ticks(microseconds{200});
      client.poll(instant());
      backends.poll(instant());
    }
  }
  return done();
}

std::size_t Simulation::frames_in_use() const {
  return rx_pool_.in_use() + tx_pool_.in_use() - out_->frame_credit() - in_nic_.size();
}

}  // namespace sallyport::testing
