#include "lib/config/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "lib/config/load.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/config/example.h"

namespace sallyport::config {
namespace {

class Credentials : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text, mode_t mode = 0600) const {
    chmod(dir_.write(name, text).c_str(), mode);
  }
  // make writes a self-signed certificate and its key with the openssl command.
  void make(const std::string& name, const std::string& algorithm, int days) const {
    const std::string command = "openssl req -x509 -newkey " + algorithm + " -nodes -days " +
                                std::to_string(days) + " -subj /CN=example.test -keyout " +
                                dir_.path(name + ".key") + " -out " + dir_.path(name + ".pem") +
                                " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  [[nodiscard]] std::string file() const { return dir_.path("s.toml"); }
  // complaints loads what `extra`, put into the listener, names.
  std::string complaints(std::string_view extra, std::string_view head = "") {
    std::string text{kSmallest};
    const std::string_view pool = "pool = \"web\"\n";
    text.insert(text.find(pool) + pool.size(), extra);
    text.insert(0, head);
    Parsed parsed = parse(text, file());
    EXPECT_TRUE(parsed.ok()) << parsed.diagnostics.text();
    const auto now = static_cast<std::int64_t>(time(nullptr));
    loaded_ = load_credentials(parsed.config, parsed.positions, now, parsed.diagnostics);
    secret_ = load_cluster_secret(parsed.config, parsed.positions, parsed.diagnostics);
    std::string out = parsed.diagnostics.text();
    // Only the name of the directory differs from run to run.
    const std::string prefix = dir_.path();
    for (std::size_t at = 0; (at = out.find(prefix, at)) != std::string::npos;) {
      out.replace(at, prefix.size(), "/d");
    }
    return out;
  }

  testing::TemporaryDirectory dir_;
  LoadedCredentials loaded_;
  std::vector<std::uint8_t> secret_;
};

TEST_F(Credentials, APoolThatSpeaksTlsHasItsAuthority) {
  make("ca", "ec -pkeyopt ec_paramgen_curve:P-256", 30);
  const auto load = [this](std::string_view tls) {
    Parsed parsed = parse(std::string{kSmallest} + std::string{tls}, file());
    EXPECT_TRUE(parsed.ok()) << parsed.diagnostics.text();
    loaded_ = load_credentials(parsed.config, parsed.positions, 0, parsed.diagnostics);
    EXPECT_EQ(loaded_.servers.size(), 1U);
    return parsed.diagnostics.text();
  };
  EXPECT_EQ(load(""), "");
  EXPECT_EQ(loaded_.servers[0], nullptr);
  EXPECT_EQ(load("tls.server_name = \"a\"\ntls.ca = \"ca.pem\"\n"), "");
  EXPECT_NE(loaded_.servers[0], nullptr);
  const std::string missing = load("tls.server_name = \"a\"\ntls.ca = \"none.pem\"\n");
  EXPECT_NE(missing.find("s.toml:18:10: error: "), std::string::npos) << missing;
  EXPECT_NE(missing.find("none.pem: cannot read"), std::string::npos) << missing;
  EXPECT_EQ(loaded_.servers[0], nullptr);
  EXPECT_NE(load("tls.verify = \"off\"\n"), "") << "a warning";
  EXPECT_NE(loaded_.servers[0], nullptr) << "who takes anybody";
}

TEST_F(Credentials, AListenerWithoutCertificateHasNone) {
  EXPECT_EQ(complaints(""), "");
  EXPECT_TRUE(loaded_.credentials.empty());
  ASSERT_EQ(loaded_.of_listener.size(), 1U);
  EXPECT_TRUE(loaded_.of_listener[0].empty());
}

TEST_F(Credentials, LoadsEachPairOfFilesOnce) {
  make("site", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  EXPECT_EQ(complaints("tls.certificates = [{ chain = \"site.pem\", key = \"site.key\" }, "
                       "{ chain = \"site.pem\", key = \"site.key\" }]\n"),
            "");
  EXPECT_EQ(loaded_.credentials.size(), 1U);
  EXPECT_EQ(loaded_.of_listener[0], (std::vector<std::size_t>{0, 0}));
  EXPECT_EQ(loaded_.credentials[0].key_type, crypto::KeyType::ecdsa_p256);
}

TEST_F(Credentials, ManyFilesAreToldApartAndTheirFaultsInOrder) {
  make("a", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  make("b", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  std::string files = "tls.certificates = [\n";
  constexpr int kPairs = 450;
  for (int i = 0; i < kPairs; ++i) {
    const std::string name = std::to_string(i);
    const std::string source = i % 2 == 0 ? "a" : "b";
    std::filesystem::create_symlink(dir_.path(source + ".pem"), dir_.path(name + ".pem"));
    // Two of them have the key of the other kind.
    const std::string key = i == 101 ? "a" : i == 400 ? "b" : source;
    std::filesystem::create_symlink(dir_.path(key + ".key"), dir_.path(name + ".key"));
    files += "{ chain = \"" + name + ".pem\", key = \"" + name + ".key\" },\n";
  }
  const std::string text = complaints(files + "]\n");
  const std::size_t first = text.find("/d/101.key: does not belong");
  const std::size_t second = text.find("/d/400.key: does not belong");
  EXPECT_NE(first, std::string::npos) << text;
  EXPECT_NE(second, std::string::npos) << text;
  EXPECT_LT(first, second);
  ASSERT_EQ(loaded_.credentials.size(), kPairs - 2U);
  for (std::size_t i = 0; i < 400; ++i) {
    const std::size_t file = i < 101 ? i : i + 1;
    EXPECT_EQ(loaded_.credentials[i].fingerprint, loaded_.credentials[file % 2].fingerprint)
        << file;
    if (file == 399) break;
  }
}

TEST_F(Credentials, TellsWhatIsWrongAtTheLineOfTheFile) {
  make("site", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  make("other", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  const std::string text = complaints(
      "tls.certificates = [\n"
      "  { chain = \"missing.pem\", key = \"site.key\" },\n"
      "  { chain = \"site.pem\", key = \"missing.key\" },\n"
      "  { chain = \"site.pem\", key = \"other.key\" },\n"
      "]\n");
  EXPECT_NE(text.find("/d/s.toml:14:13: error: /d/missing.pem"), std::string::npos) << text;
  EXPECT_NE(text.find("/d/s.toml:15:31: error: /d/missing.key"), std::string::npos) << text;
  EXPECT_NE(text.find("/d/s.toml:16:31: error: /d/other.key: does not belong"), std::string::npos)
      << text;
}

TEST_F(Credentials, WhoVouchesForClientsIsReadWhereTheyAreAsked) {
  make("ca", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  EXPECT_EQ(complaints(""), "");
  ASSERT_EQ(loaded_.authorities.size(), 1U);
  EXPECT_EQ(loaded_.authorities[0], nullptr);
  EXPECT_EQ(complaints("tls.client_certificates = \"optional\"\ntls.client_ca = \"ca.pem\"\n"), "");
  ASSERT_EQ(loaded_.authorities.size(), 1U);
  ASSERT_NE(loaded_.authorities[0], nullptr);
  EXPECT_EQ(loaded_.authorities[0]->names().size(), 1U);
}

TEST_F(Credentials, TellsWhatIsWrongWithTheFilesAboutClients) {
  make("ca", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  const std::string required = "tls.client_certificates = \"required\"\n";
  std::string text = complaints(required + "tls.client_ca = \"missing.pem\"\n");
  EXPECT_NE(text.find("/d/s.toml:14:"), std::string::npos) << text;
  EXPECT_NE(text.find("error: /d/missing.pem: cannot read"), std::string::npos) << text;
  text = complaints(required + "tls.client_ca = \"ca.key\"\n");
  EXPECT_NE(text.find("error: /d/ca.key: holds no certificate"), std::string::npos) << text;
  text = complaints(required + "tls.client_ca = \"ca.pem\"\ntls.client_crl = \"ca.pem\"\n");
  EXPECT_NE(text.find("/d/s.toml:15:"), std::string::npos) << text;
  EXPECT_NE(text.find("error: /d/ca.pem: holds no CRL"), std::string::npos) << text;
}

TEST_F(Credentials, RsaOnIoCoresMustBeAskedFor) {
  make("rsa", "rsa:2048", 90);
  constexpr std::string_view kFiles =
      "tls.certificates = [{ chain = \"rsa.pem\", key = \"rsa.key\" }]\n";
  EXPECT_EQ(
      complaints(kFiles),
      "/d/s.toml:13:31: error: \"/d/rsa.pem\" has an RSA key, and I/O cores may not sign with "
      "RSA\n    Use an ECDSA certificate, or set dataplane.allow_rsa_on_io = true: packets "
      "then wait for every signature.\n");
  EXPECT_EQ(complaints(kFiles, "dataplane.allow_rsa_on_io = true\n"), "");
}

// [RFC 5246 7.4.2]
TEST_F(Credentials, WarnsOfAKeyThatMayOnlyDecrypt) {
  make("rsa", "rsa:2048 -addext keyUsage=keyEncipherment", 90);
  const std::string text = complaints(
      "tls.certificates = [{ chain = \"rsa.pem\", key = \"rsa.key\" }]\n"
      "tls.policy = \"compatible\"\n",
      "dataplane.allow_rsa_on_io = true\n");
  EXPECT_NE(text.find("warning: \"/d/rsa.pem\" may decrypt and not sign, by its keyUsage\n"
                      "    Only RSA key exchange can use it, "),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("error"), std::string::npos) << text;
  ASSERT_EQ(loaded_.credentials.size(), 1U);
  EXPECT_FALSE(loaded_.credentials[0].may_sign);
  EXPECT_TRUE(loaded_.credentials[0].may_decrypt);
}

TEST_F(Credentials, RefusesAListenerWhoseKeysMayDoNothingThatItsPolicyHas) {
  make("rsa", "rsa:2048 -addext keyUsage=keyEncipherment", 90);
  make("ec", "ec -pkeyopt ec_paramgen_curve:P-256", 90);
  const std::string only = "tls.certificates = [{ chain = \"rsa.pem\", key = \"rsa.key\" }";
  const std::string rsa = "dataplane.allow_rsa_on_io = true\n";
  EXPECT_NE(
      complaints(only + "]\n", rsa).find("error: none of the listener's certificates may sign"),
      std::string::npos);
  const std::string both = only + ", { chain = \"ec.pem\", key = \"ec.key\" }]\n";
  EXPECT_EQ(complaints(both, rsa).find("error"), std::string::npos);
}

TEST_F(Credentials, RefusesAKeyThatMayDoNothing) {
  make("ec", "ec -pkeyopt ec_paramgen_curve:P-256 -addext keyUsage=keyEncipherment", 90);
  const std::string text =
      complaints("tls.certificates = [{ chain = \"ec.pem\", key = \"ec.key\" }]\n");
  EXPECT_NE(text.find("/d/s.toml:13:31: error: /d/ec.pem: the leaf's keyUsage does not allow "),
            std::string::npos)
      << text;
}

TEST_F(Credentials, WarnsOfWhatExpiresSoonAndOfKeysThatAllMayRead) {
  make("site", "ec -pkeyopt ec_paramgen_curve:P-256", 5);
  chmod(dir_.path("site.key").c_str(), 0644);
  EXPECT_EQ(complaints("tls.certificates = [{ chain = \"site.pem\", key = \"site.key\" }]\n"),
            "/d/s.toml:13:31: warning: \"/d/site.pem\" expires in 5 days\n    Renew it.\n"
            "/d/s.toml:13:49: warning: every user of this machine may read \"/d/site.key\"\n"
            "    Take the permission away: chmod o-r.\n");
  EXPECT_EQ(loaded_.credentials.size(), 1U);
}

TEST_F(Credentials, ClusterSecretIsReadAndMeasured) {
  constexpr std::string_view kHead = "cluster.secret_file = \"secret\"\n";
  EXPECT_NE(complaints("", kHead).find("/d/s.toml:1:23: error: the cluster secret \"/d/secret\" "
                                       "cannot be read: No such file or directory\n"),
            std::string::npos);
  write("secret", std::string(31, 'x'));
  EXPECT_NE(complaints("", kHead).find("has 31 bytes; it needs 32 or more"), std::string::npos);
  EXPECT_TRUE(secret_.empty());
  write("secret", std::string(32, 'x'));
  EXPECT_EQ(complaints("", kHead), "");
  EXPECT_EQ(secret_.size(), 32U);
  write("secret", std::string(5000, 'x'));
  EXPECT_NE(complaints("", kHead).find("longer than 4096 bytes"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::config
