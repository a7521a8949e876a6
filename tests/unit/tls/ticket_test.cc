// Tickets: what goes in comes out, for those who may open it and for nobody else.
#include "lib/tls/ticket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/support/bytes.h"
#include "tests/support/hex.h"
#include "tests/unit/tls/ticket_keys.h"

namespace sallyport::tls {
namespace {

using stats::TicketRefusal;
using testing::Bytes;
using testing::bytes_of;
using testing::contains;
using testing::hex;

class Tickets : public ::testing::Test {
 protected:
  Tickets() {
    fill(all.current, 0x10);
    fill(all.previous, 0x20);
    fill(all.next, 0x30);

    state.version = wire::ProtocolVersion::tls13;
    state.cipher_suite = wire::CipherSuite::tls_aes_256_gcm_sha384;
    state.extended_master_secret = true;
    state.secret_len = 48;
    state.lifetime_seconds = 7'200;
    state.age_add = 0x89abcdef;
    state.issued_ms = 1'800'000'000'123;
    state.authenticated_ms = 1'799'999'000'000;
    state.binding = bind_session(bytes_of("site.test"), bytes_of("h2"));
    state.client.fingerprint.fill(0x77);
    std::ranges::fill(state.secret.expose_for_write(), std::uint8_t{0x5e});
  }
  Ticket sealed(std::string_view domain = "web") {
    Ticket ticket;
    seal_ticket(all, domain, state, aead, random, ticket);
    return ticket;
  }
  TicketRefusal open(ByteView ticket, std::string_view domain = "web") {
    return open_ticket(all, domain, ticket, aead, opened);
  }

  TicketKeys all;
  SessionState state;
  SessionState opened;
  crypto::AeadEngine aead;
  Random random{Random::Seed{5}};
};

TEST_F(Tickets, CarryTheWholeState) {
  ASSERT_EQ(open(sealed()), TicketRefusal::none);
  EXPECT_EQ(opened.version, state.version);
  EXPECT_EQ(opened.cipher_suite, state.cipher_suite);
  EXPECT_EQ(opened.extended_master_secret, state.extended_master_secret);
  EXPECT_EQ(opened.lifetime_seconds, state.lifetime_seconds);
  EXPECT_EQ(opened.age_add, state.age_add);
  EXPECT_EQ(opened.issued_ms, state.issued_ms);
  EXPECT_EQ(opened.authenticated_ms, state.authenticated_ms);
  EXPECT_EQ(opened.binding, state.binding);
  EXPECT_EQ(opened.client.fingerprint, state.client.fingerprint);
  EXPECT_EQ(hex(opened.secret_bytes()), hex(state.secret_bytes()));
}

TEST_F(Tickets, OfOneStateDifferInEveryByteThatIsNotTheName) {
  const Ticket one = sealed();
  const Ticket other = sealed();
  EXPECT_TRUE(std::equal(one.begin(), one.begin() + TicketKey::kNameLen, other.begin()));
  std::size_t same = 0;
  for (std::size_t i = TicketKey::kNameLen; i < one.size(); ++i)
    same += one[i] == other[i] ? 1U : 0U;
  EXPECT_LT(same, 8U);  // one in 256 by chance
}

TEST_F(Tickets, ShowNothingOfTheSecret) {
  const Ticket ticket = sealed();
  const Bytes run(8, 0x5e);
  EXPECT_FALSE(contains(ticket, run));
}

TEST_F(Tickets, OpenUnderTheKeysOfTheNeighbouringEpochs) {
  const Ticket ticket = sealed();
  const auto swapped = [](TicketKey& a, TicketKey& b) {
    std::swap(a.name, b.name);
    Secret<TicketKey::kKeyLen> kept;
    kept.take_over(a.bytes);
    a.bytes.take_over(b.bytes);
    b.bytes.take_over(kept);
  };
  swapped(all.current, all.previous);
  EXPECT_EQ(open(ticket), TicketRefusal::none);
  swapped(all.current, all.previous);
  swapped(all.current, all.next);
  EXPECT_EQ(open(ticket), TicketRefusal::none);
}

TEST_F(Tickets, OfAKeyThatIsGoneAreOfNoUse) {
  const Ticket ticket = sealed();
  fill(all.current, 0x40);
  EXPECT_EQ(open(ticket), TicketRefusal::unknown_key);
}

TEST_F(Tickets, OfAKeyWithTheSameNameDoNotOpen) {
  const Ticket ticket = sealed();
  all.current.bytes.expose_for_write()[31] ^= 1;
  EXPECT_EQ(open(ticket), TicketRefusal::not_authentic);
}

TEST_F(Tickets, OfOneDomainAreOfNoUseInAnother) {
  const Ticket ticket = sealed("web");
  for (const char* domain : {"", "we", "web2", "Web", "mail"}) {
    EXPECT_EQ(open(ticket, domain), TicketRefusal::not_authentic) << domain;
  }
  EXPECT_EQ(open(ticket, "web"), TicketRefusal::none);
}

TEST_F(Tickets, WithAnyBitChangedAreRefused) {
  const Ticket ticket = sealed();
  for (std::size_t bit = 0; bit < 8 * ticket.size(); ++bit) {
    Ticket changed = ticket;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    const auto expected =
        bit / 8 < TicketKey::kNameLen ? TicketRefusal::unknown_key : TicketRefusal::not_authentic;
    ASSERT_EQ(open(changed), expected) << bit;
    ASSERT_EQ(opened.secret_bytes().size(), 0U);
  }
}

TEST_F(Tickets, OfAnotherLengthAreRefused) {
  const Ticket ticket = sealed();
  Bytes longer(ticket.begin(), ticket.end());
  longer.push_back(0);
  EXPECT_EQ(open(longer), TicketRefusal::unknown_key);
  for (std::size_t len = 0; len < ticket.size(); ++len) {
    ASSERT_EQ(open(ByteView{ticket}.first(len)), TicketRefusal::unknown_key);
  }
}

// Appliances of one fleet are not all updated at once, so the layout may not change without notice.
// The ticket was taken apart once with another HKDF and another AES-GCM than ours.
TEST_F(Tickets, KeepTheirLayout) {
  EXPECT_EQ(kTicketLen, 175U);
  EXPECT_EQ(hex(sealed()),
            "10101010101010101010101010101010fbb1ea0fcbb497844fc75013acd5f9e0ae396b32deb29e8f"
            "02b3f8f5551c83ac4675757a7cf65030d1b84090e45db61fb54feec914e08fe42aa9c7179acd5b17"
            "b3c110694a3f4b509227eb394830f4f3d7bb9eab6e43bb56c72181854ba17e66638c844ccf6bff79"
            "29728187434bae037c8e3811e64b38026b3096f510005ef8ca52f93343914299276c5a2f1b97ffc9"
            "2085080369b3aada538fb80c05e4c1");
}

TEST(SessionBindings, TellNamesAndProtocolsApart) {
  const auto bound = [](std::string_view name, std::string_view protocol) {
    return bind_session(bytes_of(name), bytes_of(protocol));
  };
  EXPECT_EQ(bound("Site.Test", "h2"), bound("site.test", "h2"));
  EXPECT_NE(bound("site.test", "h2"), bound("site.test", "H2"));
  EXPECT_NE(bound("site.test", "h2"), bound("site.test", ""));
  EXPECT_NE(bound("site.test", "h2"), bound("other.test", "h2"));
  EXPECT_NE(bound("site.testh2", ""), bound("site.test", "h2"));
  const std::string longest(255, 'A');
  std::string other = longest;
  other.back() = 'b';
  EXPECT_NE(bound(longest, ""), bound(other, ""));
}

}  // namespace
}  // namespace sallyport::tls
