#include "lib/x509/client_authority.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/authority.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/vectors.h"

namespace sallyport::x509 {
namespace {

using crypto::SignatureScheme;
using testing::authority_named;
using testing::CertificateOptions;
using testing::client_named;
using testing::crl_pem;
using testing::der_of;
using testing::issue;
using testing::make_certificate;
using testing::make_ec_key;
using testing::make_key;
using testing::make_rsa_key;
using testing::Member;
using testing::Owned;
using testing::pem_of;
using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t kNow = 1'500'000;

const Bytes kContent(130, 0x61);

// sign is what a client would do with TLS 1.3, or with a digest for TLS 1.2.
Bytes sign(EVP_PKEY* key, const EVP_MD* hash, bool pss, ByteView content = kContent) {
  const Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* parameters = nullptr;
  EVP_DigestSignInit(context.get(), &parameters, hash, nullptr, key);
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
  }
  std::size_t len = 0;
  EVP_DigestSign(context.get(), nullptr, &len, content.data(), content.size());
  Bytes signature(len);
  EVP_DigestSign(context.get(), signature.data(), &len, content.data(), content.size());
  signature.resize(len);
  return signature;
}

class Authority : public ::testing::Test {
 protected:
  // load makes an authority of these files; depth as in the configuration.
  ClientAuthority load(const std::string& authorities, const std::string& revocations = {},
                       unsigned depth = 2) {
    ClientAuthority::Files files{
        .authorities = dir_.write("ca.pem", authorities), .revocations = {}, .depth = depth};
    if (!revocations.empty()) files.revocations = dir_.write("crl.pem", revocations);
    ClientAuthority::Loaded loaded = ClientAuthority::load(files);
    EXPECT_TRUE(loaded) << loaded.message;
    return std::move(*loaded.authority);
  }
  std::string complaint(const std::string& authorities, const std::string& revocations = {}) {
    ClientAuthority::Files files{
        .authorities = dir_.write("ca.pem", authorities), .revocations = {}, .depth = 2};
    if (!revocations.empty()) files.revocations = dir_.write("crl.pem", revocations);
    const ClientAuthority::Loaded loaded = ClientAuthority::load(files);
    EXPECT_FALSE(loaded);
    return loaded.message;
  }

  // judge shows `chain` with an ECDSA P-256 signature by `leaf`.
  static ClientIdentity judge(const ClientAuthority& authority, const Member& leaf,
                              const std::vector<X509*>& others = {}, std::int64_t now = kNow) {
    std::vector<Bytes> ders{der_of(leaf.certificate.get())};
    for (X509* const other : others) ders.push_back(der_of(other));
    const std::vector<ByteView> chain{ders.begin(), ders.end()};
    const Bytes signature = sign(leaf.key.get(), EVP_sha256(), false);
    return authority.judge({.chain = chain,
                            .scheme = SignatureScheme::ecdsa_secp256r1_sha256,
                            .kind = ClientProof::Content::message,
                            .content = kContent,
                            .signature = signature},
                           now);
  }
  static ClientVerdict verdict(const ClientAuthority& authority, const Member& leaf,
                               const std::vector<X509*>& others = {}, std::int64_t now = kNow) {
    return judge(authority, leaf, others, now).verdict;
  }

  testing::TemporaryDirectory dir_;
  Member root_ = issue(nullptr, authority_named("Root"));
  Member middle_ = issue(&root_, authority_named("Middle"));
  Member client_ = issue(&middle_, client_named("client 1"));
};

TEST_F(Authority, KnowsAClientWhoseChainLeadsToIt) {
  const ClientAuthority authority = load(pem_of(root_.certificate.get()));
  const ClientIdentity identity = judge(authority, client_, {middle_.certificate.get()});
  EXPECT_EQ(identity.verdict, ClientVerdict::ok);
  EXPECT_EQ(identity.subject(), "CN=client 1");
  std::array<std::uint8_t, 32> fingerprint{};
  X509_digest(client_.certificate.get(), EVP_sha256(), fingerprint.data(), nullptr);
  EXPECT_EQ(identity.fingerprint, fingerprint);
  ASSERT_EQ(authority.names().size(), 1U);
  const std::uint8_t* name = nullptr;
  std::size_t len = 0;
  X509_NAME_get0_der(X509_get_subject_name(root_.certificate.get()), &name, &len);
  EXPECT_EQ(authority.names()[0], Bytes(name, name + len));
}

TEST_F(Authority, TrustsWhatStandsInItsFileWhetherRootOrNot) {
  EXPECT_EQ(verdict(load(pem_of(middle_.certificate.get())), client_), ClientVerdict::ok);
  EXPECT_EQ(
      verdict(load(pem_of(root_.certificate.get()) + pem_of(middle_.certificate.get())), client_),
      ClientVerdict::ok);
}

TEST_F(Authority, DoesNotKnowAClientOfAnother) {
  const Member other = issue(nullptr, authority_named("Root"));
  const ClientAuthority authority = load(pem_of(other.certificate.get()));
  EXPECT_NE(verdict(authority, client_, {middle_.certificate.get()}), ClientVerdict::ok);
  EXPECT_EQ(verdict(load(pem_of(root_.certificate.get())), client_),
            ClientVerdict::unknown_authority)
      << "the one between is missing";
  const Member alone = issue(nullptr, client_named("alone"));
  EXPECT_EQ(verdict(authority, alone), ClientVerdict::unknown_authority);
}

TEST_F(Authority, FollowsNoChainThatIsDeeperThanAllowed) {
  const std::string root = pem_of(root_.certificate.get());
  EXPECT_EQ(verdict(load(root, {}, 1), client_, {middle_.certificate.get()}), ClientVerdict::ok);
  EXPECT_EQ(verdict(load(root, {}, 0), client_, {middle_.certificate.get()}),
            ClientVerdict::unknown_authority);
}

TEST_F(Authority, ChecksTheValidityPeriod) {
  const ClientAuthority authority = load(pem_of(middle_.certificate.get()));
  EXPECT_EQ(verdict(authority, client_, {}, 2'000'001), ClientVerdict::expired);
  EXPECT_EQ(verdict(authority, client_, {}, 999'999), ClientVerdict::expired);
  EXPECT_EQ(verdict(authority, client_, {}, 1'999'999), ClientVerdict::ok);
}

TEST_F(Authority, KnowsWhoWasRevoked) {
  const std::string authorities =
      pem_of(root_.certificate.get()) + pem_of(middle_.certificate.get());
  const std::string none_of_root = crl_pem(root_, {});
  EXPECT_EQ(verdict(load(authorities, none_of_root + crl_pem(middle_, {})), client_),
            ClientVerdict::ok);
  EXPECT_EQ(verdict(load(authorities, none_of_root + crl_pem(middle_, {client_.certificate.get()})),
                    client_),
            ClientVerdict::revoked);
  EXPECT_EQ(
      verdict(load(authorities, crl_pem(root_, {middle_.certificate.get()}) + crl_pem(middle_, {})),
              client_),
      ClientVerdict::revoked)
      << "the one who issued it";
}

TEST_F(Authority, AsksForNoListAboutTheOneItTrusts) {
  const std::string list = crl_pem(middle_, {});
  EXPECT_EQ(verdict(load(pem_of(middle_.certificate.get()), list), client_), ClientVerdict::ok);
  EXPECT_EQ(verdict(load(pem_of(middle_.certificate.get()),
                         crl_pem(middle_, {client_.certificate.get()})),
                    client_),
            ClientVerdict::revoked);
  const Member direct = issue(&root_, client_named("direct"));
  EXPECT_EQ(verdict(load(pem_of(root_.certificate.get()), crl_pem(root_, {})), direct),
            ClientVerdict::ok);
}

TEST_F(Authority, LetsNobodyInWhileNoListSpeaksForTheIssuer) {
  const std::string authorities =
      pem_of(root_.certificate.get()) + pem_of(middle_.certificate.get());
  EXPECT_EQ(verdict(load(authorities, crl_pem(root_, {})), client_),
            ClientVerdict::revocation_unknown);
  EXPECT_EQ(
      verdict(load(authorities, crl_pem(root_, {}) + crl_pem(middle_, {}, 1'400'000)), client_),
      ClientVerdict::revocation_unknown)
      << "too old";
  const Member impostor = issue(nullptr, authority_named("Middle"));
  EXPECT_EQ(verdict(load(authorities, crl_pem(root_, {}) + crl_pem(impostor, {})), client_),
            ClientVerdict::revocation_unknown)
      << "signed by another";
}

TEST_F(Authority, RefusesACertificateForAnotherPurpose) {
  Member server = issue(&root_, client_named("server"));
  testing::add_extension(server.certificate.get(), NID_ext_key_usage, "serverAuth");
  X509_sign(server.certificate.get(), root_.key.get(), EVP_sha256());
  EXPECT_EQ(verdict(load(pem_of(root_.certificate.get())), server), ClientVerdict::unsupported);
  // An ordinary certificate cannot issue others.
  const Member child = issue(&client_, client_named("child"));
  EXPECT_NE(verdict(load(pem_of(middle_.certificate.get())), child, {client_.certificate.get()}),
            ClientVerdict::ok);
}

// [RFC 8446 4.4.2.2, RFC 5246 7.4.6]
TEST_F(Authority, RefusesASignatureOfAKeyThatMayNotSign) {
  const ClientAuthority authority = load(pem_of(root_.certificate.get()));
  const auto verdict_with = [&](const char* key_usage) {
    CertificateOptions options = client_named("client");
    options.key_usage = key_usage;
    return verdict(authority, issue(&root_, options));
  };
  EXPECT_EQ(verdict_with("digitalSignature"), ClientVerdict::ok);
  EXPECT_EQ(verdict_with("digitalSignature,keyAgreement"), ClientVerdict::ok);
  EXPECT_EQ(verdict_with("keyAgreement"), ClientVerdict::unsupported);
  EXPECT_EQ(verdict_with("critical,keyEncipherment"), ClientVerdict::unsupported);
}

TEST_F(Authority, RefusesASignatureThatIsNotTheLeafs) {
  const ClientAuthority authority = load(pem_of(middle_.certificate.get()));
  const Bytes der = der_of(client_.certificate.get());
  const ByteView chain[] = {der};
  const Bytes good = sign(client_.key.get(), EVP_sha256(), false);
  ClientProof proof{.chain = chain,
                    .scheme = SignatureScheme::ecdsa_secp256r1_sha256,
                    .kind = ClientProof::Content::message,
                    .content = kContent,
                    .signature = good};
  ASSERT_EQ(authority.judge(proof, kNow).verdict, ClientVerdict::ok);

  Bytes flipped = good;
  flipped.back() ^= 1;
  const Bytes stranger = sign(middle_.key.get(), EVP_sha256(), false);
  for (const Bytes& bad : {flipped, stranger, Bytes{}, Bytes(600, 0xff)}) {
    ClientProof forged = proof;
    forged.signature = bad;
    EXPECT_EQ(authority.judge(forged, kNow).verdict, ClientVerdict::bad_signature);
  }
  const Bytes other_content(130, 0x62);
  ClientProof replayed = proof;
  replayed.content = other_content;
  EXPECT_EQ(authority.judge(replayed, kNow).verdict, ClientVerdict::bad_signature);
}

// [RFC 8446 4.4.3 and 6.2] is another fault than a signature that does not verify.
TEST_F(Authority, TellsASchemeThatIsNotForTheLeafsKeyFromABadSignature) {
  using Content = ClientProof::Content;
  const ClientAuthority authority = load(pem_of(root_.certificate.get()));
  const Member p256 = issue(&root_, client_named("P-256"));
  const Member p384 = issue(&root_, client_named("P-384"), make_ec_key("P-384"));
  const Member rsa = issue(&root_, client_named("RSA"), make_rsa_key(2'048));
  const Bytes digest(32, 0x61);
  const auto verdict_of = [&](const Member& member, SignatureScheme scheme, Content kind) {
    const Bytes der = der_of(member.certificate.get());
    const ByteView chain[] = {der};
    const Bytes signature(70, 0x30);
    return authority
        .judge({.chain = chain,
                .scheme = scheme,
                .kind = kind,
                .content = kind == Content::digest ? digest : kContent,
                .signature = signature},
               kNow)
        .verdict;
  };
  struct Row {
    const Member& member;
    SignatureScheme scheme;
    bool fits13;
    bool fits12;
  };
  const Row rows[] = {
      {p256, SignatureScheme::ecdsa_secp256r1_sha256, true, true},
      {p256, SignatureScheme::ecdsa_secp384r1_sha384, false, true},
      {p256, SignatureScheme::rsa_pss_rsae_sha256, false, false},
      {p256, SignatureScheme::rsa_pkcs1_sha256, false, false},
      {p256, SignatureScheme::ed25519, false, false},
      {p256, SignatureScheme::ecdsa_sha1, false, false},
      {p256, SignatureScheme{0x1234}, false, false},
      {p384, SignatureScheme::ecdsa_secp256r1_sha256, false, true},
      {p384, SignatureScheme::ecdsa_secp384r1_sha384, true, true},
      {rsa, SignatureScheme::rsa_pss_rsae_sha384, true, true},
      {rsa, SignatureScheme::rsa_pkcs1_sha256, false, true},
      {rsa, SignatureScheme::ecdsa_secp256r1_sha256, false, false},
  };
  for (const Row& row : rows) {
    const auto expected = [](bool fits) {
      return fits ? ClientVerdict::bad_signature : ClientVerdict::wrong_scheme;
    };
    const auto at = &row - rows;
    EXPECT_EQ(verdict_of(row.member, row.scheme, Content::message), expected(row.fits13)) << at;
    EXPECT_EQ(verdict_of(row.member, row.scheme, Content::digest), expected(row.fits12)) << at;
    EXPECT_EQ(verdict_of(row.member, row.scheme, Content::parameters), expected(row.fits12)) << at;
  }
}

// Certificates with Wycheproof's keys, so that the vectors go the way of a CertificateVerify.
TEST_F(Authority, JudgesSignaturesAsWycheproofSays) {
  const ClientAuthority authority = load(pem_of(root_.certificate.get()));
  const std::map<std::string, SignatureScheme> schemes{
      {"ecdsa_secp256r1_sha256", SignatureScheme::ecdsa_secp256r1_sha256},
      {"ecdsa_secp384r1_sha384", SignatureScheme::ecdsa_secp384r1_sha384},
      {"ed25519", SignatureScheme::ed25519},
      {"rsa_pkcs1_sha256", SignatureScheme::rsa_pkcs1_sha256},
      {"rsa_pss_rsae_sha256", SignatureScheme::rsa_pss_rsae_sha256}};
  Bytes der;
  struct Count {
    int valid = 0;
    int invalid = 0;
  };
  std::map<std::string, Count> counts;
  for (const auto& v : testing::read_vectors(SALLYPORT_TEST_VECTORS "/verify.vec")) {
    if (v.algorithm == "key") {
      const Bytes spki = v.bytes("spki");
      const unsigned char* at = spki.data();
      Owned<EVP_PKEY> key{d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size()))};
      ASSERT_NE(key, nullptr);
      CertificateOptions options = client_named("Wycheproof");
      options.issuer = root_.certificate.get();
      options.issuer_key = root_.key.get();
      der = der_of(make_certificate(key.get(), options).get());
      continue;
    }
    const auto scheme = schemes.find(v.algorithm);
    ASSERT_NE(scheme, schemes.end()) << v.algorithm;
    // PKCS #1 signs messages of TLS 1.2 only, whose hash is what is left of them.
    const bool pkcs1 = scheme->second == SignatureScheme::rsa_pkcs1_sha256;
    const Bytes message = v.bytes("msg");
    Bytes digest(32);
    EVP_Digest(message.data(), message.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    const Bytes signature = v.bytes("sig");
    const ByteView chain[] = {der};
    const ClientIdentity identity = authority.judge(
        {.chain = chain,
         .scheme = scheme->second,
         .kind = pkcs1 ? ClientProof::Content::digest : ClientProof::Content::message,
         .content = pkcs1 ? digest : message,
         .signature = signature},
        kNow);
    EXPECT_EQ(identity.verdict, v.is_valid() ? ClientVerdict::ok : ClientVerdict::bad_signature)
        << v.algorithm << " " << v.comment;
    Count& count = counts[v.algorithm];
    ++(v.is_valid() ? count.valid : count.invalid);
  }
  for (const auto& [name, scheme] : schemes) {
    EXPECT_GE(counts[name].valid, 5) << name;
    EXPECT_GE(counts[name].invalid, 5) << name;
  }
}

// [RFC 8446 4.2.3, RFC 5246 7.4.8]
TEST_F(Authority, TakesEachKindOfKeyInBothVersions) {
  const ClientAuthority authority = load(pem_of(root_.certificate.get()));
  const Bytes digest256 = [] {
    Bytes out(32);
    EVP_Digest(kContent.data(), kContent.size(), out.data(), nullptr, EVP_sha256(), nullptr);
    return out;
  }();
  const Bytes digest384 = [] {
    Bytes out(48);
    EVP_Digest(kContent.data(), kContent.size(), out.data(), nullptr, EVP_sha384(), nullptr);
    return out;
  }();
  struct Row {
    const char* key;
    SignatureScheme scheme;
    const EVP_MD* hash;
    bool pss;
    bool tls13;
    bool tls12;
  };
  const Row rows[] = {
      {"P-256", SignatureScheme::ecdsa_secp256r1_sha256, EVP_sha256(), false, true, true},
      {"P-256", SignatureScheme::ecdsa_secp384r1_sha384, EVP_sha384(), false, false, true},
      {"P-384", SignatureScheme::ecdsa_secp384r1_sha384, EVP_sha384(), false, true, true},
      {"RSA", SignatureScheme::rsa_pss_rsae_sha256, EVP_sha256(), true, true, true},
      {"RSA", SignatureScheme::rsa_pss_rsae_sha384, EVP_sha384(), true, true, true},
      {"RSA", SignatureScheme::rsa_pkcs1_sha256, EVP_sha256(), false, false, true},
      {"ED25519", SignatureScheme::ed25519, nullptr, false, true, false},
  };
  for (const Row& row : rows) {
    const std::string kind = row.key;
    const Member member = issue(&root_, client_named("client"),
                                kind == "RSA"       ? make_rsa_key(2'048)
                                : kind == "ED25519" ? make_key("ED25519")
                                                    : make_ec_key(row.key));
    const Bytes der = der_of(member.certificate.get());
    const ByteView chain[] = {der};
    const Bytes signature = sign(member.key.get(), row.hash, row.pss);
    ClientProof proof{.chain = chain,
                      .scheme = row.scheme,
                      .kind = ClientProof::Content::message,
                      .content = kContent,
                      .signature = signature};
    EXPECT_EQ(authority.judge(proof, kNow).verdict == ClientVerdict::ok, row.tls13)
        << kind << ' ' << static_cast<int>(row.scheme);
    proof.kind = ClientProof::Content::digest;
    proof.content = row.hash == EVP_sha384() ? digest384 : digest256;
    EXPECT_EQ(authority.judge(proof, kNow).verdict == ClientVerdict::ok, row.tls12)
        << kind << ' ' << static_cast<int>(row.scheme);
  }
}

TEST_F(Authority, DoesNoWorkForKeysWhoseWorkHasNoBound) {
  const ClientAuthority authority = load(pem_of(root_.certificate.get()));
  for (const char* const curve : {"P-521", "secp256k1", "P-224"}) {
    EXPECT_EQ(verdict(authority, issue(&root_, client_named("odd"), make_ec_key(curve))),
              ClientVerdict::unsupported)
        << curve;
  }
  EXPECT_EQ(verdict(authority, issue(&root_, client_named("weak"), make_rsa_key(1'024))),
            ClientVerdict::unsupported);
  // Anywhere in the chain.
  const Member odd = issue(&root_, authority_named("odd"), make_ec_key("P-521"));
  EXPECT_EQ(verdict(authority, issue(&odd, client_named("client")), {odd.certificate.get()}),
            ClientVerdict::unsupported);
}

TEST_F(Authority, RefusesCertificatesSignedWithSha1) {
  Member weak = issue(&middle_, client_named("weak"));
  X509_sign(weak.certificate.get(), middle_.key.get(), EVP_sha1());
  EXPECT_EQ(verdict(load(pem_of(middle_.certificate.get())), weak), ClientVerdict::unsupported);
}

TEST_F(Authority, RefusesWhatIsNoChain) {
  const ClientAuthority authority = load(pem_of(middle_.certificate.get()));
  const Bytes der = der_of(client_.certificate.get());
  const auto judge_chain = [&](const std::vector<ByteView>& chain) {
    const Bytes signature = sign(client_.key.get(), EVP_sha256(), false);
    return authority
        .judge({.chain = chain,
                .scheme = SignatureScheme::ecdsa_secp256r1_sha256,
                .kind = ClientProof::Content::message,
                .content = kContent,
                .signature = signature},
               kNow)
        .verdict;
  };
  EXPECT_EQ(judge_chain({der}), ClientVerdict::ok);
  EXPECT_EQ(judge_chain({}), ClientVerdict::malformed);
  EXPECT_EQ(judge_chain({ByteView{}}), ClientVerdict::malformed);
  EXPECT_EQ(judge_chain({der, der, der, der, der}), ClientVerdict::malformed) << "too many";
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_EQ(judge_chain({longer}), ClientVerdict::malformed);
  for (std::size_t len = 0; len < der.size(); len += 13) {
    EXPECT_EQ(judge_chain({ByteView{der}.first(len)}), ClientVerdict::malformed) << len;
  }
  const Bytes large(kMaxClientChainBytes, 0x30);
  EXPECT_EQ(judge_chain({der, large}), ClientVerdict::malformed);
}

TEST_F(Authority, CutsALongSubject) {
  CertificateOptions options = client_named(std::string(64, 'x'));
  Owned<EVP_PKEY> key = make_ec_key();
  const auto certificate = make_certificate(key.get(), options);
  for (int i = 0; i < 10; ++i) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "OU", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(options.common_name.c_str()),
                               -1, -1, 0);
  }
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(root_.certificate.get()));
  X509_sign(certificate.get(), root_.key.get(), EVP_sha256());
  const Bytes der = der_of(certificate.get());
  const ByteView chain[] = {der};
  const Bytes signature = sign(key.get(), EVP_sha256(), false);
  const ClientIdentity identity = load(pem_of(root_.certificate.get()))
                                      .judge({.chain = chain,
                                              .scheme = SignatureScheme::ecdsa_secp256r1_sha256,
                                              .kind = ClientProof::Content::message,
                                              .content = kContent,
                                              .signature = signature},
                                             kNow);
  EXPECT_EQ(identity.verdict, ClientVerdict::ok);
  EXPECT_EQ(identity.subject().size(), ClientIdentity::kMaxSubject);
}

TEST_F(Authority, SaysWhatIsWrongWithItsFiles) {
  const std::string root = pem_of(root_.certificate.get());
  EXPECT_NE(complaint("nothing").find("ca.pem: holds no certificate in PEM"), std::string::npos);
  EXPECT_NE(complaint(root.substr(0, root.size() / 2)).find("certificate 1 is damaged"),
            std::string::npos);
  EXPECT_NE(complaint(root + pem_of(client_.certificate.get()))
                .find("CN=client 1 is not a certificate authority"),
            std::string::npos);
  EXPECT_NE(complaint(root, root).find("crl.pem: holds no CRL in PEM"), std::string::npos);
  EXPECT_FALSE(ClientAuthority::load(
      {.authorities = dir_.path("missing.pem"), .revocations = {}, .depth = 1}));
  EXPECT_FALSE(ClientAuthority::load({.authorities = dir_.write("ca.pem", root),
                                      .revocations = dir_.path("missing.pem"),
                                      .depth = 1}));
}

}  // namespace
}  // namespace sallyport::x509
