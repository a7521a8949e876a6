"""Clients of many kinds, none of them written for this project, get pages in full, resumed and retried handshakes."""
import os
import pathlib
import re
import shutil
import unittest

from appliance import BY_CERTIFICATE, HERE, MTLS, SERVER_NAME, SERVICE4, WEB, WEB_RSA
from authority import Authority
from cases import OnBed, limit, on_each
from testbed import command

PROGRAMS = HERE / "other_clients"
PAGE = r"<h1>backend[12]</h1>"
REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
# In TLS 1.2 nobody sends a share before it is asked for.
VERSIONS = ["1.3", "1.2", "1.3 retried"]
NOT_ED25519 = ["ecdsa", "rsa", "p384"]  # which NSS does not know


def needs(*programs: str):
    missing = [name for name in programs if shutil.which(name) is None]
    return unittest.skipIf(missing, f"{', '.join(missing)} not installed")


class OtherClients(OnBed):
    settings = {"services": ["web", "web6", "rsa", "p384", "ed25519", "mtls"]}

    def fetch_twice(self, version: str, *words, resumed: int = 1, env: dict[str, str] | None = None) -> None:
        """fetch_twice runs a client that fetches two pages; the second handshake resumes the first."""
        name = f"tls{version[:3].replace('.', '')}"
        with self.expect_handshakes(**{f"{name}_full": 2 - resumed, f"{name}_resumed": resumed},
                                    tls13_retried=2 if version.endswith("retried") else 0):
            done = self.bed.client.run(*words, timeout=60, env={**os.environ, **(env or {})})
            self.assertEqual(len(re.findall(PAGE, done.stdout)), 2, done.stdout + done.stderr)

    def on_each_certificate(self, version: str, words, resumed: int = 1, kinds=BY_CERTIFICATE) -> None:
        for kind in kinds:
            with self.subTest(certificate=kind):
                self.fetch_twice(version, *words(BY_CERTIFICATE[kind], self.bed.directory / f"{kind}.pem"),
                                 resumed=resumed)

    def shows_each_certificate(self, version: str, words, resumed: int = 1) -> None:
        """shows_each_certificate is on_each_certificate for those of the client."""
        for kind in ("ecdsa", "rsa"):
            with self.subTest(client_certificate=kind):
                certificate = Authority(self.bed.directory, "clients").issue(kind, kind)
                with self.expect_handshakes(known_client=2):
                    self.fetch_twice(version, *words(MTLS, self.bed.directory / "ecdsa.pem"), resumed=resumed,
                                     env={"CLIENT_CERTIFICATE": certificate.chain, "CLIENT_KEY": certificate.key})

    def go(self, version: str):
        program = self.bed.directory / "fetch_go"
        if not program.exists():
            command("go", "build", "-o", program, PROGRAMS / "fetch.go", timeout=90,
                    env={"PATH": "/usr/bin:/bin", "HOME": str(self.bed.directory)})
        # Go sends a share of its first curve, which Sallyport does not have.  After a
        # retry its binders are wrong (golang/go issue 59424), so there it may not keep its session.
        more = ["forget", "P-521", "P-256", "P-384"] if version.endswith("retried") else ["keep"]
        return lambda port, ca: (program, f"{SERVICE4}:{port}", SERVER_NAME, ca, version[:3], *more)

    @staticmethod
    def resumed_by_go(version: str) -> int:
        # Go 1.19 knows no extended master secret, without which there is no resumption in TLS 1.2
        # (RFC 7627 section 5.4).
        return int(version == "1.3")

    @needs("go")
    @on_each(version=VERSIONS)
    @limit(120)
    def test_go(self, version):
        self.on_each_certificate(version, self.go(version), self.resumed_by_go(version))

    @needs("go")
    @on_each(version=VERSIONS)
    @limit(120)
    def test_go_shows_a_certificate(self, version):
        self.shows_each_certificate(version, self.go(version), self.resumed_by_go(version))

    def java(self, version: str):
        classes = self.bed.directory / "fetch_java"
        if not classes.exists():
            command("javac", "-d", classes, PROGRAMS / "Fetch.java", timeout=60)
        groups = ["secp521r1,secp256r1,secp384r1"] if version.endswith("retried") else []
        return lambda port, ca: ("java", "-cp", classes, "Fetch", SERVICE4, port, SERVER_NAME, ca,
                                 f"TLSv{version[:3]}", *groups)

    @needs("java", "javac")
    @on_each(version=VERSIONS)
    @limit(120)
    def test_java(self, version):
        self.on_each_certificate(version, self.java(version))

    @needs("java", "javac")
    @on_each(version=VERSIONS)
    @limit(120)
    def test_java_shows_a_certificate(self, version):
        self.shows_each_certificate(version, self.java(version))

    def node(self, version: str):
        curves = ["P-521:P-256:P-384"] if version.endswith("retried") else []
        return lambda port, ca: ("node", PROGRAMS / "fetch.js", SERVICE4, port, SERVER_NAME, ca,
                                 f"TLSv{version[:3]}", *curves)

    @needs("node")
    @on_each(version=VERSIONS)
    def test_node(self, version):
        self.on_each_certificate(version, self.node(version))

    @needs("node")
    @on_each(version=VERSIONS)
    def test_node_shows_a_certificate(self, version):
        self.shows_each_certificate(version, self.node(version))

    def nss(self, version: str, *more):
        request = self.bed.directory / "request"
        request.write_text(REQUEST)
        return lambda port, ca: (
            "tstclnt", "-h", SERVICE4, "-p", port, "-a", SERVER_NAME, "-d",
            self.nss_store(self.bed.directory / f"nss_{ca.stem}", ca.stem), "-u", "-L", 2, "-A", request,
            "-V", f"tls{version[:3]}:tls{version[:3]}", *(["-I", "P521,P256,P384"] if version.endswith("retried") else []),
            *more)

    @needs("tstclnt", "certutil")
    @on_each(version=VERSIONS)
    def test_nss(self, version):
        self.on_each_certificate(version, self.nss(version), kinds=NOT_ED25519)

    @needs("tstclnt", "certutil", "pk12util")
    @on_each(version=VERSIONS)
    def test_nss_shows_a_certificate(self, version):
        for kind in ("ecdsa", "rsa"):
            name = f"nss{version}-{kind}"
            certificate = Authority(self.bed.directory, "clients").issue(name, kind)
            file = self.bed.directory / "nss.p12"
            command("openssl", "pkcs12", "-export", "-in", certificate.chain, "-inkey", certificate.key, "-name",
                    name, "-passout", "pass:given", "-out", file)
            store = self.nss_store(self.bed.directory / "nss_ecdsa", "ecdsa")
            command("pk12util", "-i", file, "-d", store, "-W", "given", "-K", "")
            with self.subTest(client_certificate=kind), self.expect_handshakes(known_client=2):
                self.fetch_twice(version, *self.nss(version, "-n", name)(MTLS, self.bed.directory / "ecdsa.pem"))

    def wget(self, version: str, *more):
        # wget goes through GnuTLS here; its --secure-protocol=TLSv1_2 means 1.2 or later.
        priority = f"NORMAL:-VERS-ALL:+VERS-TLS{version[:3]}"
        if version.endswith("retried"):
            priority += ":-GROUP-ALL:+GROUP-SECP521R1:+GROUP-SECP256R1:+GROUP-SECP384R1"

        def words(port, ca):
            url = f"https://{SERVER_NAME}:{port}/"
            return self.with_hosts("wget", "--quiet", "--output-document=-", "--no-http-keep-alive", "--tries=1",
                                   f"--ciphers={priority}", f"--ca-certificate={ca}", *more, url, url)
        return words

    @needs("wget", "unshare")
    @on_each(version=VERSIONS)
    def test_wget(self, version):
        self.on_each_certificate(version, self.wget(version), resumed=0)

    @needs("wget", "unshare")
    @on_each(version=VERSIONS)
    def test_wget_shows_a_certificate(self, version):
        for kind in ("ecdsa", "rsa"):
            certificate = Authority(self.bed.directory, "clients").issue(f"wget-{kind}", kind)
            words = self.wget(version, f"--certificate={certificate.chain}", f"--private-key={certificate.key}")
            with self.subTest(client_certificate=kind), self.expect_handshakes(known_client=2):
                self.fetch_twice(version, *words(MTLS, self.bed.authority), resumed=0)

    def nss_store(self, store: pathlib.Path, ca: str) -> str:
        """nss_store is a database of NSS's in which one authority is trusted."""
        if not store.exists():
            store.mkdir(parents=True)
            command("certutil", "-N", "-d", f"sql:{store}", "--empty-password")
            command("certutil", "-A", "-d", f"sql:{store}", "-n", ca, "-t", "CP,,",
                    "-i", self.bed.directory / f"{ca}.pem")
        return f"sql:{store}"

    def with_hosts(self, *words) -> list:
        """with_hosts is the command line of a program for which the server's name has an address."""
        hosts = self.bed.directory / "hosts"
        hosts.write_text(f"{SERVICE4} {SERVER_NAME}\n")
        return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *words]


class TlsScanners(OnBed):
    @needs("sslscan")
    @limit(120)
    def test_sslscan_finds_no_weakness(self):
        # Where a server has DHE, sslscan waits three seconds for each curve that the server does not have.
        for port, words in ((WEB, ()), (WEB_RSA, ("--no-groups",))):
            text = self.bed.client.run("sslscan", "--no-colour", f"--sni-name={SERVER_NAME}", *words,
                                       f"{SERVICE4}:{port}", timeout=60).stdout
            for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
                self.assertRegex(text, rf"{version}\s+disabled")
            for version in ("TLSv1.2", "TLSv1.3"):
                self.assertRegex(text, rf"{version}\s+enabled")
            self.assertIn("Server supports TLS Fallback SCSV", text)
            self.assertIn("Session renegotiation not supported", text)
            self.assertNotIn("Compression enabled", text)
            self.assertEqual(re.findall(r"TLSv1\.\d vulnerable to heartbleed", text), [])
            self.assertEqual(len(re.findall(r"not vulnerable to heartbleed", text)), 2)
            # Forward secrecy and authenticated encryption, and nothing else.
            suites = re.findall(r"(?:Preferred|Accepted)\s+TLSv1\.2\s+\d+ bits\s+(\S+)", text)
            self.assertGreaterEqual(len(suites), 3)
            for suite in suites:
                self.assertRegex(suite, r"^(ECDHE|DHE)-.*(GCM|POLY1305)")
