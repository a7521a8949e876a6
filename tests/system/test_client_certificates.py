"""Clients that show certificates: curl, OpenSSL and GnuTLS, let in and refused."""
import re

import testbed
from appliance import MTLS, MTLS_OPTIONAL, SERVICE4
from authority import Authority
from cases import limit, on_each
from command_clients import FORMS, PAGE, CommandClients, version_of

# What a client's program calls the alert of each version.
MISSING = {"1.3": "certificate required", "1.2": "handshake failure"}
EXPIRED = {"1.3": "certificate expired", "1.2": "curl: (60)"}  # curl takes this one for its own finding


class ClientCertificates(CommandClients):
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

    def shows_each_certificate(self, form: str, program, resumed: int = 1) -> None:
        """shows_each_certificate runs a program with each kind of certificate that clients may have in the version."""
        for kind in ("ecdsa", "p384", "rsa", "ed25519"):
            if kind == "ed25519" and version_of(form) == "1.2":
                continue  # test_ed25519_is_for_tls13
            certificate = self.authority.issue(f"form-{kind}", kind)
            with (self.subTest(client_certificate=kind),
                  self.expect_form(form, 1, resumed=resumed, known_client=1 + resumed)):
                program(form, "ecdsa", certificate, MTLS)

    @on_each(form=FORMS)
    def test_curl_resumes_as_the_same_client(self, form):
        self.shows_each_certificate(form, self.curl_twice)

    @on_each(form=FORMS)
    def test_openssl_resumes_as_the_same_client(self, form):
        self.shows_each_certificate(form, self.s_client_twice)

    @on_each(form=FORMS)
    def test_gnutls_resumes_as_the_same_client(self, form):
        self.shows_each_certificate(form, self.gnutls_twice)

    @on_each(form=FORMS)
    def test_gnutls_is_let_in_with_a_certificate(self, form):
        self.shows_each_certificate(form, self.gnutls_once, resumed=0)

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
