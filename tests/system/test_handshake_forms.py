"""curl, OpenSSL, GnuTLS and Python: each certificate, in full and resumed, retried, and in short records."""
import re

import clients
from appliance import BY_CERTIFICATE, MTLS, SERVER_NAME, SERVICE4
from authority import Authority
from backend import generated
from cases import OnBed, on_each

PAGE = r"<h1>backend[12]</h1>"
REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
VERSIONS = ["1.3", "1.2"]
FULL = {"1.3": "tls13_full", "1.2": "tls12_full"}
RESUMED = {"1.3": "tls13_resumed", "1.2": "tls12_resumed"}
PYTHON = {"1.3": clients.TLS13, "1.2": clients.TLS12}
# A client that sends a share of the first group, which Sallyport does not have, and then one of the second.
RETRIED_GROUPS = "P-521:P-256"
LONG_PAGE = 40_000
# What protection adds to a fragment at most, in the suites that are used here (RFC 8446 section 5.2).
MAX_EXPANSION = 32


class HandshakeForms(OnBed):
    settings = {"services": ["web", "web6", "rsa", "p384", "ed25519", "mtls"]}

    def expect_pairs(self, version: str, pairs: int, **more: int):
        """expect_pairs expects so many full handshakes, each followed by a resumed one."""
        return self.expect_handshakes(**{FULL[version]: pairs, RESUMED[version]: pairs}, **more)

    # --- curl ------------------------------------------------------------------------------------

    def curl_twice(self, version: str, kind: str, *words) -> None:
        """curl_twice fetches two pages with one process, over a connection each."""
        port = BY_CERTIFICATE[kind]
        done = self.bed.curl(f"--tlsv{version}", "--tls-max", version, "--header", "Connection: close", "--verbose",
                             *words, f"https://{SERVER_NAME}:{port}/", port=port, ca=kind)
        self.assertEqual(len(re.findall(PAGE, done.stdout)), 2)
        self.assertEqual(done.stderr.count(f"SSL connection using TLSv{version}"), 2, done.stderr)

    @on_each(version=VERSIONS)
    def test_curl_gets_pages_with_every_certificate(self, version):
        count = len(BY_CERTIFICATE)
        # In TLS 1.2 it never offers a ticket (SSL_OP_NO_TICKET), but names its session.
        named = {"known_session_id": count} if version == "1.2" else {}
        with self.expect_pairs(version, count, **named):
            for kind in BY_CERTIFICATE:
                self.curl_twice(version, kind)

    def test_curl_is_asked_for_another_group(self):
        with self.expect_pairs("1.3", len(BY_CERTIFICATE), tls13_retried=2 * len(BY_CERTIFICATE)):
            for kind in BY_CERTIFICATE:
                self.curl_twice("1.3", kind, "--curves", RETRIED_GROUPS)

    # --- OpenSSL ---------------------------------------------------------------------------------

    def s_client(self, version: str, kind: str, *words, path: str = "/") -> str:
        done = self.bed.client.run(
            "openssl", "s_client", "-connect", f"{SERVICE4}:{BY_CERTIFICATE[kind]}", "-servername", SERVER_NAME,
            "-CAfile", self.bed.directory / f"{kind}.pem", "-verify_hostname", SERVER_NAME, "-verify_return_error",
            "-ign_eof", f"-tls{version.replace('.', '_')}", *words, errors="replace",
            input=REQUEST.replace("/", path, 1))
        return done.stdout

    @on_each(version=VERSIONS)
    def test_openssl_resumes_with_every_certificate(self, version):
        with self.expect_pairs(version, len(BY_CERTIFICATE)):
            for kind in BY_CERTIFICATE:
                file = self.bed.directory / f"{kind}-{version}.session"
                for option, began in (("-sess_out", "New"), ("-sess_in", "Reused")):
                    text = self.s_client(version, kind, option, file)
                    self.assertIn(f"\n{began}, TLSv{version}", text)
                    self.assertRegex(text, PAGE)

    def test_openssl_is_asked_for_another_group_with_every_certificate(self):
        with self.expect_handshakes(tls13_full=len(BY_CERTIFICATE), tls13_retried=len(BY_CERTIFICATE)):
            for kind in BY_CERTIFICATE:
                self.assertRegex(self.s_client("1.3", kind, "-groups", RETRIED_GROUPS), PAGE)

    @on_each(version=VERSIONS)
    def test_openssl_gets_fragments_as_short_as_it_asked_for(self, version):  # RFC 6066 section 4
        for length in (512, 1024):
            with self.expect_handshakes(**{FULL[version]: 1}):
                text = self.s_client(version, "p384", "-maxfraglen", length, "-msg", path=f"/bytes/{LONG_PAGE}")
            received = [int(high + low, 16) for high, low in
                        re.findall(r"<<< [^\n]*\[length 0005\]\n +17 03 03 (\w\w) (\w\w)", text)]
            self.assertGreaterEqual(sum(received), LONG_PAGE)
            self.assertLessEqual(max(received), length + MAX_EXPANSION)
            self.assertGreaterEqual(max(received), length)

    # --- GnuTLS ----------------------------------------------------------------------------------

    def gnutls(self, version: str, kind: str, *words, priority: str = "", path: str = "/", **more):
        return self.bed.client.run(
            "gnutls-cli", "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}{priority}", "--x509cafile",
            self.bed.directory / f"{kind}.pem", "--sni-hostname", SERVER_NAME, "--verify-hostname", SERVER_NAME,
            *words, "--port", BY_CERTIFICATE[kind], SERVICE4, input=REQUEST.replace("/", path, 1), **more)

    @on_each(version=VERSIONS)
    def test_gnutls_resumes_with_every_certificate(self, version):
        with self.expect_pairs(version, len(BY_CERTIFICATE)):
            for kind in BY_CERTIFICATE:
                text = self.gnutls(version, kind, "--resume", "--waitresumption").stdout
                self.assertIn("*** This is a resumed session", text)
                self.assertRegex(text, PAGE)

    def test_gnutls_is_asked_for_another_group(self):
        with self.expect_handshakes(tls13_full=len(BY_CERTIFICATE), tls13_retried=len(BY_CERTIFICATE)):
            for kind in BY_CERTIFICATE:
                done = self.gnutls("1.3", kind, priority=":-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP256R1")
                self.assertIn("ECDHE-SECP256R1", done.stdout)
                self.assertRegex(done.stdout, PAGE)

    @on_each(version=VERSIONS)
    def test_gnutls_gets_records_as_short_as_it_asked_for(self, version):  # RFC 8449
        with self.expect_handshakes(**{FULL[version]: 1}):
            done = self.gnutls(version, "rsa", "--recordsize", 600, "--debug", 5, path=f"/bytes/{LONG_PAGE}",
                               errors="replace")
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
        with self.expect_pairs(version, len(BY_CERTIFICATE)):
            for kind, port in BY_CERTIFICATE.items():
                self.python_twice(clients.context(self.bed, PYTHON[version], kind), port)

    @on_each(version=VERSIONS)
    def test_python_shows_a_certificate(self, version):
        with self.expect_pairs(version, 3, known_client=6):
            for kind in ("ecdsa", "p384", "rsa"):
                certificate = Authority(self.bed.directory, "clients").issue(f"python-{kind}", kind)
                tls = clients.context(self.bed, PYTHON[version])
                tls.load_cert_chain(certificate.chain, certificate.key)
                self.python_twice(tls, MTLS)
