"""curl, OpenSSL, GnuTLS and Python: each certificate, in full and resumed, retried, and in short records."""
import re

import clients
from appliance import BY_CERTIFICATE, MTLS
from authority import Authority
from backend import generated
from cases import on_each
from command_clients import FORMS, FULL, VERSIONS, CommandClients

PYTHON = {"1.3": clients.TLS13, "1.2": clients.TLS12}
LONG_PAGE = 40_000
# What protection adds to a fragment at most, in the suites that are used here (RFC 8446 section 5.2).
MAX_EXPANSION = 32


class HandshakeForms(CommandClients):
    settings = {"services": ["web", "web6", "rsa", "p384", "ed25519", "mtls"]}

    def resumes_with_every_certificate(self, form: str, twice, **more: int) -> None:
        for kind in BY_CERTIFICATE:
            with self.subTest(certificate=kind), self.expect_form(form, 1, resumed=1, **more):
                twice(form, kind)

    # --- curl ------------------------------------------------------------------------------------

    @on_each(form=FORMS)
    def test_curl_resumes_with_every_certificate(self, form):
        # In TLS 1.2 it never offers a ticket (SSL_OP_NO_TICKET), but names its session.
        self.resumes_with_every_certificate(form, self.curl_twice, known_session_id=1 if form == "1.2" else 0)

    # --- OpenSSL ---------------------------------------------------------------------------------

    @on_each(form=FORMS)
    def test_openssl_resumes_with_every_certificate(self, form):
        self.resumes_with_every_certificate(form, self.s_client_twice)

    @on_each(version=VERSIONS)
    def test_openssl_gets_fragments_as_short_as_it_asked_for(self, version):  # RFC 6066 section 4
        for length in (512, 1024):
            with self.expect_handshakes(**{FULL[version]: 1}):
                text = self.s_client(version, "p384", "-maxfraglen", length, path=f"/bytes/{LONG_PAGE}")
            received = [int(high + low, 16) for high, low in
                        re.findall(r"<<< [^\n]*\[length 0005\]\n +17 03 03 (\w\w) (\w\w)", text)]
            self.assertGreaterEqual(sum(received), LONG_PAGE)
            self.assertLessEqual(max(received), length + MAX_EXPANSION)
            self.assertGreaterEqual(max(received), length)

    # --- GnuTLS ----------------------------------------------------------------------------------

    @on_each(form=FORMS)
    def test_gnutls_gets_a_page_with_every_certificate(self, form):
        for kind in BY_CERTIFICATE:
            with self.subTest(certificate=kind), self.expect_form(form, 1):
                self.gnutls_once(form, kind)

    @on_each(form=FORMS)
    def test_gnutls_resumes_with_every_certificate(self, form):
        self.resumes_with_every_certificate(form, self.gnutls_twice)

    @on_each(version=VERSIONS)
    def test_gnutls_gets_records_as_short_as_it_asked_for(self, version):  # RFC 8449
        with self.expect_handshakes(**{FULL[version]: 1}):
            done = self.gnutls(version, "rsa", "--recordsize", 600, path=f"/bytes/{LONG_PAGE}")
        received = [int(length) for length in
                    re.findall(r"Decrypted Packet\[\d+\] Application Data\(23\) with length: (\d+)", done.stderr)]
        self.assertGreaterEqual(sum(received), LONG_PAGE)
        self.assertEqual(max(received), 600)

    # --- Python ----------------------------------------------------------------------------------

    def python_twice(self, tls, port: int) -> None:
        session = None
        for path in ("/", f"/bytes/{LONG_PAGE}"):
            with clients.connect(self.bed, port, tls=tls, session=session) as connection:
                connection.sendall(clients.request(path))
                body = clients.read_to_end(connection).partition(b"\r\n\r\n")[2]
                self.assertEqual(connection.session_reused, session is not None)
                session = connection.session
        self.assertEqual(body, b"".join(generated(LONG_PAGE)))

    @on_each(version=VERSIONS)
    def test_python_resumes_with_every_certificate(self, version):
        count = len(BY_CERTIFICATE)
        with self.expect_form(version, count, resumed=count):
            for kind, port in BY_CERTIFICATE.items():
                self.python_twice(clients.context(self.bed, PYTHON[version], kind), port)

    @on_each(version=VERSIONS)
    def test_python_shows_a_certificate(self, version):
        with self.expect_form(version, 3, resumed=3, known_client=6):
            for kind in ("ecdsa", "p384", "rsa"):
                certificate = Authority(self.bed.directory, "clients").issue(f"python-{kind}", kind)
                tls = clients.context(self.bed, PYTHON[version])
                tls.load_cert_chain(certificate.chain, certificate.key)
                self.python_twice(tls, MTLS)
