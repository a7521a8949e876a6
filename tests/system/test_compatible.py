"""The policy `compatible`: RSA key exchange and AES-CBC, with what old clients have, and only where it is allowed."""
import hashlib
import re
import shutil
import unittest

import clients
from appliance import SERVER_NAME, SERVICE4, WEB_COMPATIBLE, WEB_RSA
from backend import generated
from cases import OnBed, on_each
from testbed import command

LENGTH = 300_000
REQUEST = clients.request(f"/bytes/{LENGTH}")
# Those that `intermediate` has not, by their names at OpenSSL.
WITHOUT_FORWARD_SECRECY = ["AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA256", "AES128-GCM-SHA256",
                           "AES256-GCM-SHA384"]
CBC_WITH_FORWARD_SECRECY = ["ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA256",
                            "DHE-RSA-AES128-SHA256", "DHE-RSA-AES256-SHA256"]
SUITES = WITHOUT_FORWARD_SECRECY + CBC_WITH_FORWARD_SECRECY
# GnuTLS's words for a key exchange and its groups, a cipher and a MAC, and how it describes the session.
GNUTLS = [("RSA", "AES-128-CBC", "SHA1", "-(RSA)-"),
          ("RSA", "AES-256-CBC", "SHA256", "-(RSA)-"),
          *[(f"DHE-RSA:-GROUP-ALL:+GROUP-{group}", "AES-128-CBC", "SHA256", f"(DHE-{group})")
            for group in ("FFDHE2048", "FFDHE3072", "FFDHE4096")],
          ("ECDHE-RSA", "AES-256-CBC", "SHA1", "(ECDHE-")]
# What NSS is told, the number of a suite, and how it describes the session.  It does not offer encrypt-then-MAC.
NSS = {"002F": r"128-bit AES with 160-bit SHA1 MAC\n.*Key Exchange: 2048-bit RSA\n",
       "003D": r"256-bit AES with 256-bit SHA256 MAC\n.*Key Exchange: 2048-bit RSA\n",
       "C013": r"128-bit AES with 160-bit SHA1 MAC\n.*Key Exchange: \d+-bit ECDHE\n",
       "0067": r"128-bit AES with 256-bit SHA256 MAC\n.*Key Exchange: 2048-bit DHE\n"}


def is_cbc(suite: str) -> bool:
    return "GCM" not in suite


class Compatible(OnBed):
    settings = {"services": ["web", "web6", "rsa", "compatible"]}
    page: bytes

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = b"".join(generated(LENGTH))

    def assert_whole_page(self, output: bytes) -> None:
        """assert_whole_page finds the page in what a client printed, whatever it says besides."""
        head, _, rest = output.partition(b"\r\n\r\n")
        self.assertIn(b"HTTP/1.1 200 OK", head)
        self.assertTrue(rest.startswith(self.page), f"{len(rest)} bytes came, or others")

    def s_client(self, suite: str, *words, version: str = "tls1_2", port: int = WEB_COMPATIBLE, check: bool = True):
        return self.bed.client.run(
            "openssl", "s_client", "-connect", f"{SERVICE4}:{port}", "-servername", SERVER_NAME, "-CAfile",
            self.bed.directory / "rsa.pem", "-verify_hostname", SERVER_NAME, "-verify_return_error", "-ign_eof",
            f"-{version}", "-cipher", suite, *words, input=REQUEST, text=False, check=check)

    @on_each(words=[(), ("-no_etm",)])
    def test_openssl_gets_a_whole_page_with_every_suite(self, words):
        with self.expect_handshakes(tls12_full=len(SUITES)):
            for suite in SUITES:
                text = self.s_client(suite, "-tlsextdebug", *words).stdout
                # It names the version that brought the suite, not that of the session.
                self.assertRegex(text, rb"\nNew, \S+, Cipher is %s\n" % suite.encode())
                self.assertEqual(b'"encrypt-then-mac"' in text, is_cbc(suite) and not words)  # RFC 7366 section 3
                self.assert_whole_page(text)

    def test_openssl_resumes_without_forward_secrecy(self):
        file = self.bed.directory / "compatible.session"
        for suite in ("AES128-SHA", "AES256-GCM-SHA384"):
            with self.expect_handshakes(tls12_full=1, tls12_resumed=1):
                self.s_client(suite, "-sess_out", file)
                text = self.s_client(suite, "-sess_in", file).stdout
            self.assertRegex(text, rb"\nReused, \S+, Cipher is %s\n" % suite.encode())
            self.assert_whole_page(text)

    @on_each(encrypted_first=[True, False])
    def test_gnutls_gets_a_whole_page(self, encrypted_first):
        with self.expect_handshakes(tls12_full=len(GNUTLS)):
            for exchange, cipher, mac, session in GNUTLS:
                priority = (f"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+{exchange}:-CIPHER-ALL:+{cipher}:-MAC-ALL:+{mac}"
                            + ("" if encrypted_first else ":%NO_ETM"))
                text = self.bed.client.run(
                    "gnutls-cli", "--priority", priority, "--x509cafile", self.bed.directory / "rsa.pem",
                    "--sni-hostname", SERVER_NAME, "--verify-hostname", SERVER_NAME, "--port", WEB_COMPATIBLE,
                    SERVICE4, input=REQUEST, text=False).stdout
                self.assertIn(session.encode(), text)
                self.assertIn(f"({cipher})-({mac})".encode(), text)
                options = re.search(rb"- Options: (.*)\n", text)[1]
                self.assertEqual(b"EtM" in options, encrypted_first, options)
                self.assert_whole_page(text)

    @unittest.skipUnless(shutil.which("tstclnt") and shutil.which("certutil"), "tstclnt, certutil not installed")
    def test_nss_gets_a_whole_page(self):
        store, request = self.bed.directory / "nss", self.bed.directory / "request"
        store.mkdir()
        request.write_bytes(REQUEST)
        command("certutil", "-N", "-d", f"sql:{store}", "--empty-password")
        command("certutil", "-A", "-d", f"sql:{store}", "-n", "rsa", "-t", "CP,,", "-i", self.bed.directory / "rsa.pem")
        with self.expect_handshakes(tls12_full=len(NSS)):
            for number, session in NSS.items():
                done = self.bed.client.run(
                    "tstclnt", "-v", "-h", SERVICE4, "-p", WEB_COMPATIBLE, "-a", SERVER_NAME, "-d", f"sql:{store}",
                    "-A", request, "-V", "tls1.2:tls1.2", "-c", f":{number}", text=False)
                self.assertRegex(done.stderr.decode(), session)
                self.assert_whole_page(done.stdout)

    def test_python_gets_and_sends_without_forward_secrecy(self):
        for suite in ("AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256"):
            tls = clients.context(self.bed, clients.TLS12, "rsa")
            tls.set_ciphers(suite)
            with self.expect_handshakes(tls12_full=1):
                with clients.connect(self.bed, WEB_COMPATIBLE, tls=tls) as connection:
                    self.assertEqual(connection.cipher()[0], suite)
                    connection.sendall(f"PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {LENGTH}\r\n\r\n".encode())
                    connection.sendall(self.page)
                    connection.sendall(REQUEST)
                    answers = clients.read_to_end(connection)
            self.assertIn(hashlib.sha256(self.page).hexdigest().encode(), answers)
            self.assert_whole_page(answers[answers.index(b"HTTP/1.1", 1):])

    def test_tls_1_3_is_spoken_too(self):
        with self.expect_handshakes(tls13_full=1):
            body = clients.fetch(self.bed, f"/bytes/{LENGTH}", port=WEB_COMPATIBLE,
                                 tls=clients.context(self.bed, None, "rsa"))
        self.assertEqual(body, self.page)

    def test_openssl_gets_a_page_with_x448(self):
        with self.expect_handshakes(tls12_full=1, tls13_full=1):
            for version in ("tls1_2", "tls1_3"):
                text = self.s_client("ECDHE-RSA-AES128-GCM-SHA256", "-groups", "X448", version=version).stdout
                self.assertIn(b"Server Temp Key: X448", text)
                self.assert_whole_page(text)

    def test_intermediate_has_none_of_these_suites(self):
        for suite in SUITES:
            done = self.s_client(suite, port=WEB_RSA, check=False)
            self.assertIn(b"alert handshake failure", done.stdout + done.stderr)
