#include "tests/support/simulation.h"

#include <time.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "lib/base/check.h"
#include "lib/base/internet_sum.h"
#include "lib/base/no_alloc.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/packet.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls_driver.h"

namespace sallyport::testing {
namespace {

constexpr std::int64_t kUnixSeconds = 1'700'000'000;
constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr MacAddress kBackendMac{{0x02, 0, 0, 0, 0, 0x20}};
constexpr MacAddress kGatewayMac{{0x02, 0, 0, 0, 0, 0xfe}};

IpAddress address(bool ipv6, std::uint8_t host) {
  if (!ipv6) return IpAddress::v4({198, 18, 0, host});
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

constexpr std::ptrdiff_t kTagAt = 2 * sizeof(MacAddress);

// complete does what the lcore does for a port without offloads.
Bytes complete(const frame::Frame& f) {
  Bytes bytes{f.bytes().begin(), f.bytes().end()};
  const MutableBytes l3 = MutableBytes{bytes}.subspan(f.tx.l2_len);
  if (f.tx.ip_checksum) {
    InternetSum sum;
    store(l3.subspan(10), sum.add(l3.first(f.tx.l3_len)).checksum());
  }
  if (f.tx.l4_checksum) {
    const MutableBytes l4 = l3.subspan(f.tx.l3_len);
    InternetSum sum;
    store(l4.subspan(16), sum.add(l4).checksum());
  }
  if (f.vlan == 0) return bytes;
  Bytes tagged(bytes.size() + sizeof(wire::VlanTag));
  const auto behind = std::ranges::copy(ByteView{bytes}.first(kTagAt), tagged.begin()).out;
  store(MutableBytes{tagged}.subspan(kTagAt), Be16::of(0x8100));
  store(MutableBytes{tagged}.subspan(kTagAt + 2), Be16::of(f.vlan));
  std::ranges::copy(ByteView{bytes}.subspan(kTagAt), behind + sizeof(wire::VlanTag));
  return tagged;
}

x509::Credential make_credential(const SimulationOptions& options) {
  const crypto::KeyType type = options.key_type;
  if (options.fake_jobs) {
    x509::Credential credential;
    credential.chain = {Bytes(700, 0xec)};
    credential.names = {"sallyport.test"};
    credential.key_type = type;
    credential.key_bits = type == crypto::KeyType::rsa ? 2'048 : 256;
    return credential;
  }
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
  credential.chain.push_back(der_of(certificate.get()));
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
      rx_pool_{options.rx_frames},
      tx_pool_{options.tx_frames},
      credential_{make_credential(options)} {
  if (!options.fake_jobs) {
    SALLYPORT_CHECK(executor_.keys().add({0, 1}, credential_.key));
    certificate_pem_ = x509::certificate_pem(credential_);
  }
  client.set_vlan(options.vlan);
  backends.set_vlan(options.vlan);
  build_snapshot();
  options_.worker.tsc_rate = kRate;
  if (options.backend_tls) {
    options_.worker.backends_speak_tls = true;
    options_.worker.tls_backends = options.num_backends * options.num_pools;
    if (options_.worker.max_backend_handshakes == 1) options_.worker.max_backend_handshakes = 64;
  }
  options_.worker.reta = frame::Reta{options.num_workers};
  if (options.session_ids) options_.worker.client_sessions = &sessions_;
  for (std::size_t i = 0; i < options.num_workers; ++i) {
    Lcore& lcore = *lcores_.emplace_back(std::make_unique<Lcore>(*this));
    options_.worker.index = static_cast<std::uint16_t>(i);
    std::ranges::generate(options_.worker.seed,
                          [this] { return static_cast<std::uint8_t>(random_()); });
    lcore.worker =
        std::make_unique<worker::Worker>(options_.worker, arena_, lcore.reader, lcore.stats, now_);
    lcore.worker->use(snapshot_);
  }
}

Simulation::Lcore::Lcore(Simulation& simulation)
    : out{[](void* context, std::span<frame::Frame* const> frames) {
            // Both kinds of pool give back in the same way: by the frame's own count.
            for (frame::Frame* f : frames) static_cast<Simulation*>(context)->give_back(*f);
          },
          &simulation} {}

Simulation::~Simulation() {
  for (const auto& lcore : lcores_) {
    lcore->worker->abandon(lcore->out);
    for (frame::Frame* f : lcore->out.releases()) give_back(*f);
    lcore->out.clear();
  }
}

SocketAddress Simulation::listener() const { return {address(options_.ipv6, 10), kPort}; }
SocketAddress Simulation::backend(std::size_t i) const {
  return {address(options_.ipv6, static_cast<std::uint8_t>(20 + i)), kBackendPort};
}
tcp::Instant Simulation::instant() const { return tcp::Clock{kRate}.instant(now_); }

void Simulation::build_snapshot() {
  snapshot::Interface interface;
  interface.mac = worker_mac_;
  interface.vlan = options_.vlan;
  interface.reply = options_.reply;
  interface.mtu = options_.mtu;
  interface.addresses = {
      {address(options_.ipv6, 10), static_cast<std::uint8_t>(options_.ipv6 ? 64 : 24)}};
  interface.local_ips = {address(options_.ipv6, 10), address(options_.ipv6, 11)};
  interface.strays = options_.strays;
  interface.next_hops = {
      {backend(0).ip, kBackendMac, options_.backend_resolved},
      {address(options_.ipv6, 254), kGatewayMac, options_.gateway_resolved},
  };
  const IpAddress any = options_.ipv6 ? IpAddress{} : IpAddress::v4({});
  interface.routes = {{.destination = {any, 0}, .next_hop = 1}};

  auto tls_config = std::make_shared<tls::ServerConfig>();
  tls::Credential credential;
  credential.id = {0, 1};
  credential.key_type = credential_.key_type;
  credential.key_bits = credential_.key_bits;
  credential.chain = credential_.chain;
  credential.names = credential_.names;
  credential.signature_algorithm = credential_.signature_algorithm;
  tls_config->credentials = {credential};
  tls_config->alpn_protocols = options_.alpn;
  tls_config->fingerprints = options_.fingerprints;
  tls_config->tickets = {.enabled = options_.tickets,
                         .session_ids = options_.session_ids,
                         .psk_only = false,
                         .lifetime_seconds = 7'200,
                         .domain = "web"};
  build_verifier(*tls_config);
  tls_config->cipher_suites = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                               0xc02c, 0xc030, 0xcca9, 0xcca8};
  if (options_.compatible_suites) {
    tls_config->cipher_suites.insert(tls_config->cipher_suites.end(),
                                     {0xc009, 0xc00a, 0xc023, 0x009c});
  }
  tls_config->groups = {crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1,
                        crypto::NamedGroup::secp384r1, crypto::NamedGroup::x448};

  snapshot::Listener web;
  web.name = "web";
  web.address = listener();
  web.tls = tls_config;
  for (std::size_t i = 0; i < options_.alpn.size(); ++i) {
    web.alpn_pools.push_back({static_cast<std::uint16_t>(std::min(i, options_.num_pools - 1))});
  }
  web.limits = {.handshake = kRate.ticks(seconds{10}),
                .client_hello = kRate.ticks(seconds{5}),
                .backend_connect = kRate.ticks(seconds{1}),
                .idle = kRate.ticks(seconds{60}),
                .half_close = kRate.ticks(seconds{10}),
                .client_receive_buffer = options_.receive_buffer,
                .backend_receive_buffer = options_.receive_buffer,
                .send_buffer = options_.send_buffer,
                .max_connections = options_.max_connections,
                .max_handshakes = options_.max_handshakes,
                .prefix_handshakes = options_.prefix_handshakes,
                .prefix_connections_per_second = options_.prefix_connections_per_second};
  web.keeps_hello_notes = options_.proxy_protocol || options_.fingerprints;
  web.tcp = options_.tcp;

  std::vector<snapshot::Pool> pools;
  for (std::size_t i = 0; i < options_.num_pools; ++i) pools.push_back(make_pool(i));

  snapshot_.epoch = 1;
  snapshot_.configuration = 1;
  snapshot_.tsc_rate = kRate;
  snapshot_.wall = {now_, static_cast<std::uint64_t>(kUnixSeconds) * 1'000};
  snapshot_.cookie_keys = {.epoch = 0, .current = {11, 12}, .adjacent = {13, 14}};
  auto ticket_keys = std::make_shared<tls::TicketKeys>();
  ticket_keys->current.name.fill(1);
  ticket_keys->previous.name.fill(2);
  ticket_keys->next.name.fill(3);
  snapshot_.ticket_keys = std::move(ticket_keys);
  snapshot_.interfaces =
      std::make_shared<const std::vector<snapshot::Interface>>(1, std::move(interface));
  snapshot_.listeners = std::make_shared<const std::vector<snapshot::Listener>>(1, std::move(web));
  snapshot_.pools = std::make_shared<const std::vector<snapshot::Pool>>(std::move(pools));
}

snapshot::Pool Simulation::make_pool(std::size_t index) const {
  snapshot::Pool pool;
  pool.name = index == 0 ? "web" : "other";
  if (options_.proxy_protocol) pool.proxy_protocol = snapshot::ProxyProtocol::v2;
  pool.source_addresses = {address(options_.ipv6, 11)};
  if (options_.num_local_ports != 0) {
    pool.local_port_last =
        static_cast<std::uint16_t>(pool.local_port_first + options_.num_local_ports - 1);
  }
  std::vector<balance::Candidate> candidates(options_.num_backends);
  for (std::size_t i = 0; i < options_.num_backends; ++i) {
    const auto place = static_cast<std::uint16_t>(index * options_.num_backends + i);
    snapshot::Backend at;
    at.address = backend(place);
    at.counter = place;
    if (options_.backend_tls) at.sessions = place;
    pool.backends.push_back(at);
  }
  pool.plan = balance::Plan{balance::Method::round_robin, candidates};
  if (options_.backend_tls) pool.tls = backend_tls();
  return pool;
}

void Simulation::build_verifier(tls::ServerConfig& listener) {
  const TemporaryDirectory files;
  offload::Verifier::Authorities clients(1);
  offload::Verifier::ServerAuthorities servers(1);
  if (options_.client_auth != tls::ClientAuthMode::off) {
    x509::ClientAuthority::Files from;
    from.authorities = files.write("ca.pem", options_.client_ca);
    auto loaded = x509::ClientAuthority::load(from);
    SALLYPORT_CHECK(loaded.authority.has_value());
    listener.client_auth = tls::ClientAuth{options_.client_auth, {0, 1}, loaded.authority->names()};
    clients[0] = std::make_shared<const x509::ClientAuthority>(std::move(*loaded.authority));
  }
  if (options_.backend_tls) {
    const BackendTls& tls = *options_.backend_tls;
    x509::ServerAuthority::Expected expected{.name = tls.server_name, .anybody = tls.ca.empty()};
    if (!tls.ca.empty()) expected.authorities = files.write("servers.pem", tls.ca);
    auto loaded = x509::ServerAuthority::load(expected);
    SALLYPORT_CHECK(loaded.authority.has_value());
    servers[0] = std::make_shared<const x509::ServerAuthority>(std::move(*loaded.authority));
  }
  verifier_ = std::make_unique<offload::Verifier>(std::move(clients), 1, std::move(servers));
}

std::shared_ptr<const snapshot::BackendTls> Simulation::backend_tls() const {
  const BackendTls& from = *options_.backend_tls;
  auto tls = std::make_shared<snapshot::BackendTls>();
  tls->client.server_name = from.server_name;
  if (!from.alpn.empty()) tls->client.alpn_protocols = {from.alpn};
  tls->client.tls12 = from.tls12;
  tls->client.tls13 = from.tls13;
  tls->client.cipher_suites = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca9, 0xcca8};
  tls->client.groups = from.groups;
  tls->client.authority = {1, 1};
  tls->handshake = kRate.ticks(from.handshake);
  return tls;
}

void Simulation::set_ticket_key(std::uint8_t byte) {
  auto keys = std::make_shared<tls::TicketKeys>();
  keys->current.name.fill(1);
  std::ranges::fill(keys->current.bytes.expose_for_write(), byte);
  snapshot_.ticket_keys = std::move(keys);
}

void Simulation::set_draining(bool draining) { snapshot_.draining = draining; }

void Simulation::set_gateway_resolved(bool resolved) {
  auto interfaces = *snapshot_.interfaces;
  interfaces[0].next_hops[1].resolved = resolved;
  snapshot_.interfaces =
      std::make_shared<const std::vector<snapshot::Interface>>(std::move(interfaces));
}

const MacAddress& Simulation::gateway_mac() { return kGatewayMac; }

std::size_t Simulation::num_connections() const {
  std::size_t sum = 0;
  for (const auto& lcore : lcores_) sum += lcore->worker->num_connections();
  return sum;
}

std::size_t Simulation::num_jobs_held() const {
  std::size_t sum = 0;
  for (const auto& lcore : lcores_) sum += lcore->held.size();
  return sum;
}

std::size_t Simulation::reset_all() {
  std::size_t left = 0;
  for (const auto& lcore : lcores_) {
    tx_pool_.refill(lcore->out);
    left += lcore->worker->reset_all(now_, lcore->out);
    carry_away(*lcore);
  }
  return left;
}

Socket& Simulation::connect() {
  return client.connect({address(options_.ipv6, 2), next_port_++}, listener(), worker_mac_,
                        instant());
}

bool Simulation::chance(double p) {
  return p > 0 && std::uniform_real_distribution<double>{}(random_) < p;
}

void Simulation::put_on_link(To to, Bytes frame) {
  Nanos later{0};
  if (filter_) {
    const auto verdict = filter_(to, frame);
    if (!verdict) return;
    later = *verdict;
  }
  const Faults& faults = options_.faults;
  if (chance(faults.loss)) return;
  if (chance(faults.corruption)) {
    // On a link the frame check sequence finds it.  What reaches a host was spoilt inside a router,
    // behind the Ethernet header, which it writes anew.
    constexpr std::size_t kFirst = sizeof(wire::EthernetHeader) * 8;
    const std::size_t bit = kFirst + random_() % (frame.size() * 8 - kFirst);
    frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ (1U << (bit % 8)));
  }
  const auto put = [&](Bytes bytes) {
    const std::uint64_t extra = chance(faults.reordering) ? random_() % 2'000 : 0;
    const Nanos delay = later + microseconds{options_.delay_us + extra};
    in_flight_.push({now_ + kRate.ticks(delay), order_++, to, std::move(bytes)});
  };
  if (chance(faults.duplication)) put(frame);
  put(std::move(frame));
}

frame::Frame* Simulation::take_in(Bytes bytes) {
  std::uint16_t stripped = 0;
  if (options_.vlan_stripped && bytes.size() >= sizeof(wire::EthernetHeader) + 4 &&
      bytes[kTagAt] == 0x81 && bytes[kTagAt + 1] == 0) {
    stripped = static_cast<std::uint16_t>((bytes[kTagAt + 2] << 8U | bytes[kTagAt + 3]) & 0xfff);
    bytes.erase(bytes.begin() + kTagAt, bytes.begin() + kTagAt + 4);
  }
  frame::Frame* f = rx_pool_.take_copy(bytes);
  if (f == nullptr) return nullptr;
  f->vlan = stripped;
  if (options_.checksums_offloaded) f->checksum = frame::ChecksumState::good;
  return f;
}

std::size_t Simulation::owner_of(ByteView frame) const {
  if (lcores_.size() == 1) return 0;
  const auto packet = wire::parse_packet(frame, 0, {});
  if (!packet || packet->kind != wire::PacketKind::tcp) return 0;
  const worker::WorkerConfig& config = options_.worker;
  return config.reta.owner(frame::toeplitz(config.toeplitz_key,
                                           {packet->source, packet->tcp.source_port},
                                           {packet->destination, packet->tcp.destination_port}));
}

void Simulation::inject(ByteView frame) {
  frame::Frame* f = take_in({frame.begin(), frame.end()});
  if (f != nullptr) call_worker(*lcores_[owner_of(frame)], {f});
}

void Simulation::give_back(frame::Frame& f) {
  // The count says when the buffer is free; the pool that made it takes it.
  (rx_pool_.owns(f) ? rx_pool_ : tx_pool_).give_back(f);
}

void Simulation::execute(std::span<crypto::CryptoJob* const> jobs) {
  if (!options_.fake_jobs) {
    executor_.run(jobs, now_);
    return;
  }
  FakeJobs fake;
  for (crypto::CryptoJob* job : jobs) {
    if (job->kind != crypto::JobKind::make_key_shares) {
      fake.run(*job);
      continue;
    }
    job->key_shares.fill(fake.make_key_share(job->group));
    for (crypto::KeyShare& share : job->key_shares) share.made = now_;
    job->num_key_shares = crypto::key_shares_per_job(job->group);
    job->status = crypto::JobStatus::ok;
  }
}

std::uint64_t Simulation::real_ticks() const {
  if (!options_.count_cpu_time) return __builtin_ia32_rdtsc();
  timespec spent{};
  SALLYPORT_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0);
  return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(spent.tv_nsec);
}

void Simulation::process_and_execute(Lcore& lcore, std::span<frame::Frame* const> rx) {
  const auto begin = real_ticks();
  {
    const NoAllocScope no_alloc;
    lcore.worker->process(rx, lcore.done, lcore.judged, now_, lcore.out);
  }
  lcore.judged.clear();
  lcore.done.assign(lcore.out.jobs().begin(), lcore.out.jobs().end());
  if (hold_jobs_ || !lcore.held.empty()) {
    lcore.held.insert(lcore.held.end(), lcore.done.begin(), lcore.done.end());
    lcore.done.clear();
    if (!hold_jobs_) lcore.done.swap(lcore.held);
  }
  execute(lcore.done);
  worker_ticks += real_ticks() - begin;
}

void Simulation::call_worker(Lcore& lcore, std::vector<frame::Frame*> rx) {
  tx_pool_.refill(lcore.out);
  process_and_execute(lcore, rx);
  for (frame::Frame* f : rx) {
    if (!f->kept) give_back(*f);
  }
  judge(lcore);
  carry_away(lcore);
}

void Simulation::judge(Lcore& lcore) {
  lcore.to_judge.insert(lcore.to_judge.end(), lcore.out.verify_jobs().begin(),
                        lcore.out.verify_jobs().end());
  if (hold_verdicts_) return;
  for (crypto::VerifyJob* job : lcore.to_judge) {
    if (options_.fake_jobs) {
      job->identity.verdict = crypto::ClientVerdict::ok;
      job->identity.not_after = kUnixSeconds + 3'600;
      job->status = crypto::VerifyStatus::done;
    } else {
      if (pretended_scheme_ != crypto::SignatureScheme::none) job->scheme = pretended_scheme_;
      verifier_->run(*job, {now_, snapshot_.wall.unix_ms_at(now_, kRate)});
    }
    lcore.judged.push_back(job);
  }
  lcore.to_judge.clear();
}

void Simulation::carry_away(Lcore& lcore) {
  for (frame::Frame* f : lcore.in_nic) give_back(*f);
  lcore.in_nic.clear();
  for (frame::Frame* f : lcore.out.tx()) {
    Bytes bytes = complete(*f);
    if (tap_) tap_(bytes);
    const MacAddress to = load<wire::EthernetHeader>(bytes).destination;
    if (to == kClientMac || to == kGatewayMac) put_on_link(To::client, std::move(bytes));
    if (to == kBackendMac) put_on_link(To::backend, std::move(bytes));
    if (options_.nic_holds_frames && chance(0.2)) {
      lcore.in_nic.push_back(f);
    } else {
      give_back(*f);
    }
  }
  for (frame::Frame* f : lcore.out.releases()) give_back(*f);
  lcore.out.clear();
}

void Simulation::set_flood(Flood flood) {
  SALLYPORT_CHECK(options_.rx.capacity > 0 && lcores_.size() == 1);
  flood_ = std::move(flood);
  next_of_flood_ = now_;
}

// gap is the time between two events of a rate, as random as such gaps can be: so frames of hosts,
// which come when a step of virtual time begins, find a free place as often as any others.
TscSpan Simulation::gap(std::uint64_t rate) {
  const double mean =
      static_cast<double>(kRate.ticks(seconds{1}).ticks) / static_cast<double>(rate);
  return {std::llround(std::exponential_distribution<double>{1 / mean}(random_)) + 1};
}

bool Simulation::enqueue(Bytes frame) {
  if (rx_queue_.size() >= options_.rx.descriptors) return false;
  rx_queue_.push_back(std::move(frame));
  return true;
}

void Simulation::advance_queue(Tsc to) {
  std::vector<frame::Frame*> rx;
  for (;;) {
    const bool is_flood = flood_.rate > 0 && next_of_flood_ < next_taken_;
    if ((is_flood ? next_of_flood_ : next_taken_) > to) break;
    if (is_flood) {
      next_of_flood_ = next_of_flood_ + gap(flood_.rate);
      ++rx_counters_.flood_offered;
      // What will be dropped need not be made.
      const bool has_room = rx_queue_.size() < options_.rx.descriptors;
      if (!has_room || !enqueue(flood_.make())) ++rx_counters_.flood_dropped;
      continue;
    }
    next_taken_ = next_taken_ + gap(options_.rx.capacity);
    if (rx_queue_.empty()) continue;
    if (frame::Frame* f = take_in(std::move(rx_queue_.front()))) rx.push_back(f);
    rx_queue_.pop_front();
    if (rx.size() == 64) call_worker(*lcores_[0], std::exchange(rx, {}));
  }
  if (!rx.empty()) call_worker(*lcores_[0], std::move(rx));
}

void Simulation::deliver_due_to_queue() {
  while (!in_flight_.empty() && in_flight_.top().at <= now_) {
    const InFlight next = in_flight_.top();
    in_flight_.pop();
    switch (next.to) {
      case To::worker:
        advance_queue(next.at);
        ++rx_counters_.others_offered;
        if (!enqueue(next.frame)) ++rx_counters_.others_dropped;
        break;
      case To::client:
        client.receive(next.frame, instant());
        break;
      case To::backend:
        backends.receive(next.frame, instant());
        break;
    }
  }
  advance_queue(now_);
  call_worker(*lcores_[0], {});  // its timers, and what jobs have brought
}

void Simulation::deliver_due() {
  if (options_.rx.capacity > 0) {
    deliver_due_to_queue();
    return;
  }
  std::vector<std::vector<frame::Frame*>> rx(lcores_.size());
  bool room = true;
  while (room && !in_flight_.empty() && in_flight_.top().at <= now_) {
    const InFlight next = in_flight_.top();
    in_flight_.pop();
    switch (next.to) {
      case To::worker:
        if (frame::Frame* f = take_in(next.frame)) {
          auto& queue = rx[owner_of(next.frame)];
          queue.push_back(f);
          room = queue.size() < 64;
        }
        break;
      case To::client:
        client.receive(next.frame, instant());
        break;
      case To::backend:
        backends.receive(next.frame, instant());
        break;
    }
  }
  for (std::size_t i = 0; i < lcores_.size(); ++i) call_worker(*lcores_[i], std::move(rx[i]));
}

void Simulation::jump(Nanos time) {
  now_ = now_ + kRate.ticks(time);
  deliver_due();
  client.poll(instant());
  backends.poll(instant());
}

bool Simulation::run(const std::function<bool()>& done, Nanos limit) {
  const Tsc end = now_ + kRate.ticks(limit);
  while (now_ < end) {
    if (done()) return true;
    // While something is under way the worker is called often, as a polling lcore would be.
    const bool idle =
        in_flight_.empty() &&
        std::ranges::all_of(lcores_, [](const auto& lcore) { return lcore->done.empty(); }) &&
        rx_queue_.empty() && flood_.rate == 0;
    const Nanos step = idle ? milliseconds{1} : microseconds{20};
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
  std::size_t idle = 0;  // in nobody's hands but the lcore's
  for (const auto& lcore : lcores_) idle += lcore->out.frame_credit() + lcore->in_nic.size();
  return rx_pool_.in_use() + tx_pool_.in_use() - idle;
}

}  // namespace sallyport::testing
