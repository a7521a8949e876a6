"""Clients that show certificates: curl, OpenSSL and GnuTLS, let in and refused."""
import re

import testbed
from appliance import MTLS, MTLS_OPTIONAL, SERVER_NAME, SERVICE4
from authority import Authority
from cases import OnBed, limit, on_each

REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
PAGE = r"<h1>backend[12]</h1>"
# What a client's program calls the alert of each version.
MISSING = {"1.3": "certificate required", "1.2": "handshake failure"}
EXPIRED = {"1.3": "certificate expired", "1.2": "curl: (60)"}  # curl takes this one for its own finding


class ClientCertificates(OnBed):
    settings = {"services": ["web", "web6", "mtls", "mtls_optional"]}

    def setUp(self):
        self.authority = Authority(self.bed.directory, "clients")

    def expect_more(self, counters, name: str, before: dict[str, int], more: int = 1) -> None:
        self.wait_until(lambda: counters().get(name, 0) == before.get(name, 0) + more, f"{more} more {name}")

    def fetch(self, certificate: testbed.Certificate | None, version: str, port: int = MTLS):
        shown = ("--cert", certificate.chain, "--key", certificate.key) if certificate else ()
        return self.bed.curl(f"--tlsv{version}", "--tls-max", version, *shown, port=port, check=False)

    def expect_refusal(self, done, words: str, counter: str, before: dict[str, int]) -> None:
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(words, done.stderr)
        self.expect_more(self.failures, counter, before)

    @on_each(kind=["ecdsa", "p384", "rsa"])
    def test_curl_is_let_in_with_a_certificate(self, kind):
        certificate = self.authority.issue(kind, kind)
        for version in ("1.3", "1.2"):
            before = self.resumptions()
            done = self.fetch(certificate, version)
            self.assertRegex(done.stdout, PAGE, done.stderr)
            self.expect_more(self.resumptions, "known_client", before)

    def test_ed25519_is_for_tls13(self):
        certificate = self.authority.issue("ed25519", "ed25519")
        self.assertRegex(self.fetch(certificate, "1.3").stdout, PAGE)
        self.assertNotEqual(self.fetch(certificate, "1.2").returncode, 0)

    @on_each(version=["1.3", "1.2"])
    def test_without_a_certificate_only_where_it_is_optional(self, version):
        self.assertRegex(self.fetch(None, version, MTLS_OPTIONAL).stdout, PAGE)
        before = self.failures()
        self.expect_refusal(self.fetch(None, version), MISSING[version], "certificate_required", before)

    @on_each(version=["1.3", "1.2"])
    def test_a_certificate_of_another_authority_is_refused(self, version):
        stranger = Authority(self.bed.directory, "others").issue("stranger")
        for port in (MTLS, MTLS_OPTIONAL):
            before = self.failures()
            self.expect_refusal(self.fetch(stranger, version, port), "unknown ca", "client_authority_unknown", before)

    @on_each(version=["1.3", "1.2"])
    def test_an_expired_certificate_is_refused(self, version):
        late = self.authority.issue("late", "ecdsa", "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        before = self.failures()
        self.expect_refusal(self.fetch(late, version), EXPIRED[version], "client_certificate_expired", before)

    @on_each(version=["tls1_3", "tls1_2"])
    def test_openssl_resumes_as_the_same_client(self, version):
        certificate = self.authority.issue(f"returning-{version}")
        file = self.bed.directory / f"mtls-{version}.session"
        words = ["openssl", "s_client", "-connect", f"{SERVICE4}:{MTLS}", "-servername", SERVER_NAME, "-CAfile",
                 self.bed.authority, "-ign_eof", f"-{version}"]
        before = self.resumptions()
        first = self.bed.client.run(*words, "-cert", certificate.chain, "-key", certificate.key, "-sess_out", file,
                                    input=REQUEST)
        self.assertRegex(first.stdout, PAGE)
        self.assertRegex(first.stdout, r"Acceptable client certificate CA names\nCN ?= ?clients\n")
        # It has shown its certificate before and need not do so again.
        again = self.bed.client.run(*words, "-sess_in", file, input=REQUEST)
        self.assertRegex(again.stdout, r"\nReused, TLSv1")
        self.assertRegex(again.stdout, PAGE)
        self.expect_more(self.resumptions, "known_client", before, 2)

    @on_each(version=["VERS-TLS1.3", "VERS-TLS1.2"])
    def test_gnutls_is_let_in_with_a_certificate(self, version):
        for kind in ("ecdsa", "rsa"):
            certificate = self.authority.issue(f"gnutls-{kind}", kind)
            done = self.bed.client.run(
                "gnutls-cli", "--priority", f"NORMAL:-VERS-ALL:+{version}", "--x509cafile", self.bed.authority,
                "--x509certfile", certificate.chain, "--x509keyfile", certificate.key, "--sni-hostname", SERVER_NAME,
                "--verify-hostname", SERVER_NAME, "--port", MTLS, SERVICE4, input=REQUEST)
            self.assertRegex(done.stdout, PAGE)

    def test_sallyctl_says_who_is_connected(self):
        certificate = self.authority.issue("visible")
        client = self.bed.client.start(
            "openssl", "s_client", "-connect", f"{SERVICE4}:{MTLS}", "-CAfile", self.bed.authority, "-cert",
            certificate.chain, "-key", certificate.key, "-quiet", log=self.bed.directory / "visible.log")
        try:
            self.wait_until(lambda: "CN=visible" in self.bed.sallyport.sallyctl("show", "connections"),
                            "the client in the list")
            rows = self.bed.sallyport.show("connections")["list"].values()
            told = testbed.command("openssl", "x509", "-in", certificate.chain, "-noout", "-fingerprint", "-sha256")
            expected = re.sub(r".*=|:|\n", "", told.stdout).lower()
            self.assertIn(("CN=visible", expected),
                          [(row.get("client_subject"), row.get("client_fingerprint")) for row in rows])
        finally:
            client.stop()

    @limit(90)
    def test_who_is_revoked_is_refused_from_then_on(self):
        certificate = self.authority.issue("revoked")
        self.assertRegex(self.fetch(certificate, "1.3").stdout, PAGE)
        self.authority.revoke(certificate)
        # The file is looked at every ten seconds.
        self.wait_until(lambda: "certificate revoked" in self.fetch(certificate, "1.3").stderr,
                        "the new list to be read", seconds=30)
        self.assertGreater(self.failures().get("client_certificate_revoked", 0), 0)
        self.assertRegex(self.fetch(self.authority.issue("still-good"), "1.3").stdout, PAGE)
