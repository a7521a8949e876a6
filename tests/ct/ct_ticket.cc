// Of a ticket that is refused an attacker learns that it is, and nothing else: not where it differs
// from a genuine one, and nothing of the key.
//
// The one thing that may be looked at is the verdict.  memcheck counts every look at a secret, so
// the count must be the same small number wherever a ticket was changed.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/base/random.h"
#include "lib/crypto/aead/aead.h"
#include "lib/tls/ticket.h"
#include "tests/ct/secret.h"

namespace {

namespace ct = sallyport::ct;
namespace tls = sallyport::tls;
using sallyport::stats::TicketRefusal;

// open_ticket() asks twice: whether to wipe what was opened, and what to say.
constexpr unsigned kLooksAtTheVerdict = 2;

void fill(tls::TicketKeys& keys) {
  std::uint8_t name = 0;
  for (tls::TicketKey* key : {&keys.current, &keys.previous, &keys.next}) {
    key->name.fill(++name);
    std::ranges::fill(key->bytes.expose_for_write(), name);
  }
}

void poison(tls::TicketKeys& keys) {
  for (tls::TicketKey* key : {&keys.current, &keys.previous, &keys.next}) {
    ct::poison(key->bytes.expose_for_write());
  }
}

// refuse changes a genuine ticket of that length in every part that is sealed.
void refuse(bool names_client) {
  const sallyport::crypto::AeadEngine aead;
  sallyport::Random random{sallyport::Random::Seed{1}};
  tls::SessionState state;
  state.secret_len = 32;
  state.names_client = names_client;
  std::vector<std::uint8_t> genuine(tls::ticket_len(state));
  tls::TicketKeys plain;
  fill(plain);
  tls::seal_ticket(plain, "site", state, aead, random, genuine);
  tls::SessionState opened;
  ct::expect(tls::open_ticket(plain, "site", genuine, aead, opened) == TicketRefusal::none, "open");

  tls::TicketKeys secret;
  fill(secret);
  poison(secret);
  // In the salt, in the first and the last byte of the state, in the first and the last of the tag.
  constexpr std::size_t kSalt = tls::TicketKey::kNameLen;
  constexpr std::size_t kState = kSalt + tls::kTicketSaltLen;
  const std::size_t tag = genuine.size() - sallyport::crypto::kAeadTagLen;
  for (const std::size_t place : {kSalt, kState, tag - 1, tag, genuine.size() - 1}) {
    std::vector<std::uint8_t> forged = genuine;
    forged[place] ^= 1;
    const auto before = VALGRIND_COUNT_ERRORS;
    TicketRefusal refusal = tls::open_ticket(secret, "site", forged, aead, opened);
    const auto looks = VALGRIND_COUNT_ERRORS - before;
    ct::publish(refusal);
    ct::expect(refusal == TicketRefusal::not_authentic, "refusal");
    ct::expect(looks > 0 && looks <= kLooksAtTheVerdict, "looks at the verdict alone");
  }
}

}  // namespace

int main() {
  ct::must_run_under_memcheck();
  for (const bool names_client : {false, true}) refuse(names_client);
}
