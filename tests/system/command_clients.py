"""curl, openssl s_client and gnutls-cli as the tests run them: once, or twice, where the second resumes the first."""
import re

from appliance import BY_CERTIFICATE, SERVER_NAME, SERVICE4
from cases import OnBed
from testbed import Certificate

PAGE = r"<h1>backend[12]</h1>"
REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
VERSIONS = ["1.3", "1.2"]
FORMS = [*VERSIONS, "1.3 retried"]  # in TLS 1.2 nobody sends a share before it is asked for
FULL = {"1.3": "tls13_full", "1.2": "tls12_full"}
RESUMED = {"1.3": "tls13_resumed", "1.2": "tls12_resumed"}
# A client that sends a share of the first group, which Sallyport does not have, and then one of the second.
RETRIED_GROUPS = "P-521:P-256"
RETRIED_PRIORITY = ":-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP256R1"  # the same for GnuTLS


def version_of(form: str) -> str:
    return form[:3]


def is_retried(form: str) -> bool:
    return form.endswith("retried")


class CommandClients(OnBed):
    """CommandClients runs the programs in a form of FORMS, at the listener with that kind of certificate, or at `port`.

    Those that are called twice may show a certificate of theirs; each checks what its program printed.
    """

    def expect_form(self, form: str, full: int, resumed: int = 0, **more: int):
        """expect_form expects so many full and resumed handshakes, all of them in that form."""
        version = version_of(form)
        return self.expect_handshakes(**{FULL[version]: full, RESUMED[version]: resumed},
                                      tls13_retried=full + resumed if is_retried(form) else 0, **more)

    def expect_hellos(self, form: str, found: list[str], connections: int = 1) -> None:
        """expect_hellos wants two ClientHellos per connection where the client is retried, otherwise one."""
        self.assertEqual(len(found), 2 * connections if is_retried(form) else connections)

    def curl_twice(self, form: str, kind: str, shown: Certificate | None = None, port: int | None = None) -> None:
        """curl_twice fetches two pages with one process, over a connection each."""
        port = port or BY_CERTIFICATE[kind]
        version = version_of(form)
        words = ["--curves", RETRIED_GROUPS] if is_retried(form) else []
        if shown:
            words += ["--cert", shown.chain, "--key", shown.key]
        done = self.bed.curl(f"--tlsv{version}", "--tls-max", version, "--header", "Connection: close", "--verbose",
                             *words, f"https://{SERVER_NAME}:{port}/", port=port, ca=kind)
        self.assertEqual(len(re.findall(PAGE, done.stdout)), 2)
        self.assertEqual(done.stderr.count(f"SSL connection using TLSv{version}"), 2, done.stderr)
        self.assertEqual(len(re.findall("SSL re-?using session ID", done.stderr)), 1, done.stderr)
        self.expect_hellos(form, re.findall(r"\(OUT\), TLS handshake, Client hello", done.stderr), connections=2)
        self.assertEqual(done.stderr.count("(OUT), TLS handshake, CERT verify"), 1 if shown else 0, done.stderr)

    def s_client(self, form: str, kind: str, *words, port: int | None = None, path: str = "/") -> str:
        """s_client returns what it printed, with the headers of its messages."""
        groups = ("-groups", RETRIED_GROUPS) if is_retried(form) else ()
        text = self.bed.client.run(
            "openssl", "s_client", "-connect", f"{SERVICE4}:{port or BY_CERTIFICATE[kind]}", "-servername", SERVER_NAME,
            "-CAfile", self.bed.directory / f"{kind}.pem", "-verify_hostname", SERVER_NAME, "-verify_return_error",
            "-ign_eof", f"-tls{version_of(form).replace('.', '_')}", *groups, "-msg", *words, errors="replace",
            input=REQUEST.replace("/", path, 1)).stdout
        self.expect_hellos(form, re.findall(r">>> .*, ClientHello", text))
        return text

    def s_client_twice(self, form: str, kind: str, shown: Certificate | None = None, port: int | None = None) -> None:
        """s_client_twice shows the certificate the first time only: then it is known, and need not do so again."""
        file = self.bed.directory / "s_client.session"
        file.unlink(missing_ok=True)
        key = ("-cert", shown.chain, "-key", shown.key) if shown else ()
        first = self.s_client(form, kind, "-sess_out", file, *key, port=port)
        again = self.s_client(form, kind, "-sess_in", file, port=port)
        for text, began, signed in ((first, "New", 1 if shown else 0), (again, "Reused", 0)):
            self.assertIn(f"\n{began}, TLSv{version_of(form)}", text)
            self.assertEqual(len(re.findall(r">>> .*, CertificateVerify", text)), signed)
            self.assertRegex(text, PAGE)
        if shown:
            self.assertRegex(first, r"Acceptable client certificate CA names\nCN ?= ?clients\n")

    def gnutls(self, form: str, kind: str, *words, shown: Certificate | None = None, port: int | None = None,
               connections: int = 1, path: str = "/"):
        """gnutls returns the completed process, whose messages are in its standard error."""
        groups = RETRIED_PRIORITY if is_retried(form) else ""
        key = ("--x509certfile", shown.chain, "--x509keyfile", shown.key) if shown else ()
        done = self.bed.client.run(
            "gnutls-cli", "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version_of(form)}{groups}", "--x509cafile",
            self.bed.directory / f"{kind}.pem", "--sni-hostname", SERVER_NAME, "--verify-hostname", SERVER_NAME,
            "--debug", 5, *key, *words, "--port", port or BY_CERTIFICATE[kind], SERVICE4,
            input=REQUEST.replace("/", path, 1), errors="replace")
        self.assertEqual(done.stdout.count(f"- Description: (TLS{version_of(form)}-"), connections)
        self.expect_hellos(form, re.findall("CLIENT HELLO was queued", done.stderr), connections)
        # Only the first connection can be a full handshake.
        self.assertEqual(done.stdout.count("- Handshake was completed"), 1)
        self.assertEqual(done.stdout.count("*** This is a resumed session"), connections - 1)
        self.assertEqual(done.stdout.count("- Successfully sent 1 certificate(s) to server."), 1 if shown else 0)
        return done

    def gnutls_once(self, form: str, kind: str, shown: Certificate | None = None, port: int | None = None) -> None:
        self.assertRegex(self.gnutls(form, kind, shown=shown, port=port).stdout, PAGE)

    def gnutls_twice(self, form: str, kind: str, shown: Certificate | None = None, port: int | None = None) -> None:
        """gnutls_twice gets a page over the second connection; the first one is only for its session."""
        done = self.gnutls(form, kind, "--resume", "--waitresumption", shown=shown, port=port, connections=2)
        self.assertRegex(done.stdout, PAGE)
