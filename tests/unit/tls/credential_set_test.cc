#include "lib/tls/credential_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::tls {
namespace {

using crypto::KeyType;

Credential credential(KeyType key_type, std::vector<std::string> names) {
  Credential made;
  made.key_type = key_type;
  made.names = std::move(names);
  return made;
}

std::vector<std::uint16_t> indices(CredentialSet::Candidates candidates) {
  return {candidates.begin(), candidates.end()};
}

using Indices = std::vector<std::uint16_t>;

TEST(CredentialSet, FindsEachKindOfKeyThatANameHas) {
  const CredentialSet set{credential(KeyType::rsa, {"a.test", "b.test"}),
                          credential(KeyType::ecdsa_p256, {"b.test"}),
                          credential(KeyType::ed25519, {"b.test", "*.b.test"})};
  EXPECT_EQ(indices(set.exact("a.test")), Indices({0}));
  EXPECT_EQ(indices(set.exact("b.test")), Indices({0, 1, 2}));
  EXPECT_EQ(indices(set.wildcard("x.b.test")), Indices({2}));
  EXPECT_EQ(set.num_names(), 3U);
}

TEST(CredentialSet, UsesTheFirstOfTwoThatDoTheSame) {
  const CredentialSet set{
      credential(KeyType::rsa, {"a.test"}), credential(KeyType::rsa, {"a.test"}),
      credential(KeyType::ecdsa_p256, {"b.test"}), credential(KeyType::rsa, {"b.test"})};
  EXPECT_EQ(indices(set.exact("a.test")), Indices({0}));
  EXPECT_EQ(indices(set.exact("b.test")), Indices({2, 3}));
  EXPECT_EQ(indices(set.defaults()), Indices({0, 2}));
}

// [RFC 5246 7.4.2] A certificate of RSA may be for signing or for decrypting alone.
TEST(CredentialSet, FindsWhoSignsAndWhoDecrypts) {
  Credential signing = credential(KeyType::rsa, {"a.test", "b.test"});
  signing.may_decrypt = false;
  Credential decrypting = credential(KeyType::rsa, {"a.test", "c.test"});
  decrypting.may_sign = false;
  const Credential both = credential(KeyType::rsa, {"a.test", "b.test", "c.test", "d.test"});
  const CredentialSet set{signing, decrypting, both, both, signing, decrypting};
  EXPECT_EQ(indices(set.exact("a.test")), Indices({0, 1}));
  EXPECT_EQ(indices(set.exact("b.test")), Indices({0, 2}));
  EXPECT_EQ(indices(set.exact("c.test")), Indices({1, 2}));
  EXPECT_EQ(indices(set.exact("d.test")), Indices({2}));
  EXPECT_EQ(indices(set.defaults()), Indices({0, 1}));
  // Of the other types of key there is nothing to decrypt with.
  Credential ecdsa = credential(KeyType::ecdsa_p256, {"a.test"});
  ecdsa.may_decrypt = false;
  EXPECT_EQ(
      indices(CredentialSet{ecdsa, credential(KeyType::ecdsa_p256, {"a.test"})}.exact("a.test")),
      Indices({0}));
}

TEST(CredentialSet, HasRoomForEveryTypeAndUseOfAKey) {
  std::vector<Credential> all;
  for (const KeyType type :
       {KeyType::ecdsa_p256, KeyType::ecdsa_p384, KeyType::ed25519, KeyType::rsa, KeyType::rsa}) {
    all.push_back(credential(type, {"a.test"}));
  }
  all[3].may_sign = false;
  all[4].may_decrypt = false;
  EXPECT_EQ(indices(CredentialSet{all}.exact("a.test")), Indices({0, 1, 2, 3, 4}));
}

TEST(CredentialSet, ComparesNamesWithoutCase) {  // [RFC 4343 3]
  const CredentialSet set{credential(KeyType::rsa, {"www.Example.test", "*.Wild.test"})};
  EXPECT_EQ(indices(set.exact("WWW.eXAMPLE.TEST")), Indices({0}));
  EXPECT_EQ(indices(set.wildcard("A.wILD.test")), Indices({0}));
}

TEST(CredentialSet, TakesAWildcardForOneWholeLabel) {  // [RFC 6125 6.4.3]
  const CredentialSet set{credential(KeyType::rsa, {"*.site.test", "f*.part.test", ".dot.test"})};
  EXPECT_EQ(indices(set.wildcard("www.site.test")), Indices({0}));
  for (const char* const name : {"site.test", ".site.test", "a.b.site.test", "xsite.test",
                                 "foo.part.test", "a.dot.test", "", ".", "site", "*"}) {
    EXPECT_TRUE(set.wildcard(name).empty()) << name;
    EXPECT_TRUE(set.exact(name).empty()) << name;
  }
}

TEST(CredentialSet, KnowsNobodyWhoseNameIsTooLong) {  // [RFC 1035 2.3.4]
  const std::string longest(253, 'a');
  const CredentialSet set{credential(KeyType::rsa, {longest, longest + "a"})};
  EXPECT_FALSE(set.exact(longest).empty());
  EXPECT_TRUE(set.exact(longest + "a").empty());
  EXPECT_TRUE(set.exact(std::string(60'000, 'a')).empty());
  EXPECT_TRUE(set.wildcard("a." + std::string(60'000, 'a')).empty());
}

TEST(CredentialSet, IsEmptyByDefault) {
  const CredentialSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.exact("a.test").empty());
  EXPECT_TRUE(set.wildcard("a.test").empty());
  EXPECT_TRUE(set.defaults().empty());
}

CredentialSet sites(int count) {
  std::vector<Credential> credentials;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    credentials.push_back(
        credential(KeyType::ecdsa_p256, {"site" + number + ".test", "*.site" + number + ".test"}));
  }
  return CredentialSet{std::move(credentials)};
}

TEST(CredentialSet, TellsTenThousandNamesApart) {
  const CredentialSet set = sites(10'000);
  EXPECT_EQ(set.num_names(), 20'000U);
  for (std::uint16_t i = 0; i < 10'000; ++i) {
    const std::string name = "site" + std::to_string(i) + ".test";
    ASSERT_EQ(indices(set.exact(name)), Indices({i}));
    ASSERT_EQ(indices(set.wildcard("www." + name)), Indices({i}));
  }
  EXPECT_TRUE(set.exact("site10000.test").empty());
}

// What is not in the cache takes longer, by a few times; a search would by a thousand times.
TEST(CredentialSet, LooksUpAmongTenThousandNamesAboutAsFastAsAmongTen) {
  constexpr int kLookUps = 2'000;
  const auto fastest = [](const CredentialSet& set) {
    auto least = std::chrono::nanoseconds::max();
    for (int round = 0; round < 5; ++round) {
      std::size_t found = 0;
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < kLookUps; ++i) {
        const std::size_t site = static_cast<std::size_t>(i) * 7 % set.size();
        found += set.exact(set[site].names[0]).size() + set.wildcard("www.nobody.test").size();
      }
      least = std::min<std::chrono::nanoseconds>(least, std::chrono::steady_clock::now() - begin);
      EXPECT_EQ(found, std::size_t{kLookUps});
    }
    return least;
  };
  EXPECT_LT(fastest(sites(10'000)), 30 * fastest(sites(10)));
}

}  // namespace
}  // namespace sallyport::tls
