// Tickets: opening what is no ticket, reading a state whose seal is right, and a server that is
// shown such a ticket by a client that knows what is in it.
//
// Input: one byte says what the rest is:
//   0  a ticket
//   1  pairs {position, mask}: bits of a good ticket that are turned
//   2  a state, as it lies under the seal
//   3  a state, shown to a server in TLS 1.3
//   4  a state, shown to a server in TLS 1.2
#include <cstdint>
#include <cstdlib>

#include "lib/crypto/hash/hkdf.h"
#include "tests/support/tls_client.h"

namespace sallyport {
namespace {

using stats::TicketRefusal;
using testing::Bytes;
using testing::HelloBuilder;
using testing::ScriptedClient;
using testing::TlsDriver;
using wire::ContentType;
using wire::ExtensionType;

constexpr std::uint64_t kNow = 1'800'000'000'000;
constexpr std::string_view kDomain = "web";

void require(bool condition) {
  if (!condition) std::abort();
}

// World is costly to make and holds nothing between inputs that decides anything.
struct World {
  World() {
    keys.current.name.fill(1);
    keys.previous.name.fill(2);
    keys.next.name.fill(3);
    config.tickets = {.enabled = true,
                      .psk_only = false,
                      .lifetime_seconds = 3'600,
                      .domain = std::string{kDomain}};
  }
  Random random{Random::Seed{3}};
  tls::Engine of_server{random};
  tls::Engine of_client{random};
  tls::TicketKeys keys;
  tls::ServerConfig config = testing::test_config();
};

World& world() {
  static World the_world;
  return the_world;
}

TicketRefusal open(ByteView ticket, tls::SessionState& state) {
  return tls::open_ticket(world().keys, kDomain, ticket, world().of_server.aead(), state);
}

// sealed puts the right seal around any bytes: kSessionStateLen of them, zeros for what is missing.
Bytes sealed(ByteView state) {
  constexpr std::size_t kHead = tls::TicketKey::kNameLen + tls::kTicketSaltLen;
  Bytes plain(tls::kSessionStateLen);
  std::copy_n(state.begin(), std::min(state.size(), plain.size()), plain.begin());
  Bytes ticket(tls::kTicketLen, 1);  // the name of the current key; the salt is as good as any
  Bytes info(ticket.begin() + tls::TicketKey::kNameLen, ticket.begin() + kHead);
  info.insert(info.end(), kDomain.begin(), kDomain.end());
  crypto::AeadKey key;
  key.algorithm = crypto::AeadAlgorithm::aes_256_gcm;
  const crypto::HmacKey prk{crypto::HashAlgorithm::sha256, world().keys.current.bytes.expose()};
  crypto::hkdf_expand(prk, info, key.bytes.expose_for_write());
  const crypto::ExpandedKey expanded{world().of_server.aead(), key};
  expanded.seal({}, {}, ByteView{plain}, MutableBytes{ticket}.subspan(kHead));
  return ticket;
}

void turn_bits(wire::Reader& in) {
  tls::SessionState state;
  tls::Ticket ticket;
  tls::seal_ticket(world().keys, kDomain, state, world().of_server.aead(), world().random, ticket);
  const tls::Ticket good = ticket;
  while (in.remaining() >= 2) {
    const std::size_t at = in.u8();
    const std::uint8_t mask = in.u8();
    if (at < ticket.size()) ticket[at] = static_cast<std::uint8_t>(ticket[at] ^ mask);
  }
  require((open(ticket, state) == TicketRefusal::none) == (ticket == good));
}

// read_back: a state that is accepted says the same when it is sealed again.
void read_back(ByteView bytes) {
  tls::SessionState state;
  if (open(sealed(bytes), state) != TicketRefusal::none) return;
  require(state.secret_len <= tls::SessionState::kMaxSecretLen);
  tls::Ticket again;
  tls::seal_ticket(world().keys, kDomain, state, world().of_server.aead(), world().random, again);
  tls::SessionState second;
  require(open(again, second) == TicketRefusal::none);
  require(second.version == state.version && second.cipher_suite == state.cipher_suite &&
          second.extended_master_secret == state.extended_master_secret &&
          second.lifetime_seconds == state.lifetime_seconds && second.age_add == state.age_add &&
          second.issued_ms == state.issued_ms &&
          second.authenticated_ms == state.authenticated_ms && second.binding == state.binding &&
          second.client.fingerprint == state.client.fingerprint &&
          std::ranges::equal(second.secret_bytes(), state.secret_bytes()));
}

// show: whatever a ticket of ours says, an honest client that knows its secret gets a connection.
void show(ByteView bytes, bool tls13) {
  testing::ReceivedTicket ticket;
  ticket.ticket = sealed(bytes);
  tls::SessionState state;
  const bool readable = open(ticket.ticket, state) == TicketRefusal::none;
  ticket.age_add = state.age_add;
  const ByteView secret = state.secret.expose();
  ticket.secret.assign(secret.begin(), secret.end());
  if (tls13) ticket.secret.resize(state.secret_len);

  testing::FakeJobs jobs;
  ScriptedClient client{world().of_client};
  TlsDriver server{world().config, jobs, {.engine = &world().of_server}};
  server.engine().use_tickets(&world().keys, {server.now, kNow});
  if (tls13) {
    server.feed(client.resuming_hello(HelloBuilder::tls13().server_name("site.test"), {{ticket}}));
    client.hear(server.take_output());
    require(!server.last().failed());
    server.feed(client.finish());
  } else {
    server.feed(client.resuming_hello12(HelloBuilder::tls12().server_name("site.test"), ticket));
    client.hear(server.take_output());
    require(!server.last().failed());
    if (!server.server().is_resumed()) server.feed(client.client_key_exchange());
    server.feed(testing::kChangeCipherSpec);
    server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
  }
  require(server.server().is_established());
  client.hear(server.take_output());
  require(server.handshake() == nullptr);
  if (server.server().is_resumed()) {
    require(readable && server.ticket_refusal() == TicketRefusal::none);
    require((state.version == wire::ProtocolVersion::tls13) == tls13);
    require(kNow <= state.issued_ms + std::uint64_t{state.lifetime_seconds} * 1'000);
    require(tls13 || state.extended_master_secret);
  } else {
    require(server.ticket_refusal() != TicketRefusal::none);
  }
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  if (size == 0) return 0;
  wire::Reader in{{data, size}};
  switch (in.u8() % 5) {
    case 0: {
      tls::SessionState state;
      require(open(in.rest(), state) != TicketRefusal::none);
      require(state.secret_bytes().empty());
      break;
    }
    case 1:
      turn_bits(in);
      break;
    case 2:
      read_back(in.rest());
      break;
    case 3:
      show(in.rest(), true);
      break;
    default:
      show(in.rest(), false);
      break;
  }
  return 0;
}
