"""Clients of many kinds, none of them written for this project, get pages in full, resumed and retried handshakes."""
import pathlib
import re
import shutil
import unittest

from appliance import HERE, SERVER_NAME, SERVICE4, WEB, WEB_RSA
from cases import OnBed, limit, on_each
from testbed import command

PROGRAMS = HERE / "other_clients"
PAGE = r"<h1>backend[12]</h1>"
REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
# In TLS 1.2 nobody sends a share before it is asked for.
VERSIONS = ["1.3", "1.2", "1.3 retried"]


def needs(*programs: str):
    missing = [name for name in programs if shutil.which(name) is None]
    return unittest.skipIf(missing, f"{', '.join(missing)} not installed")


class OtherClients(OnBed):
    def resumptions(self) -> dict[str, int]:
        return self.bed.sallyport.show("handshakes")["resumptions"]

    def fetch_twice(self, version: str, *words, resumed: int = 1) -> None:
        """fetch_twice runs a client that fetches two pages; the second handshake resumes the first."""
        before = self.resumptions()
        done = self.bed.client.run(*words, timeout=60)
        self.assertEqual(len(re.findall(PAGE, done.stdout)), 2, done.stdout + done.stderr)
        name = f"tls{version[:3].replace('.', '')}"
        for kind, more in ((f"{name}_full", 2 - resumed), (f"{name}_resumed", resumed)):
            self.wait_until(lambda: self.resumptions()[kind] == before[kind] + more,
                            f"{more} more {kind}: {done.stdout}")
        retries = 2 if version.endswith("retried") else 0
        self.wait_until(lambda: self.resumptions()["tls13_retried"] == before["tls13_retried"] + retries,
                        f"{retries} retries")

    def on_both_certificates(self, version: str, words, resumed: int = 1) -> None:
        for port, ca in ((WEB, "ecdsa"), (WEB_RSA, "rsa")):
            with self.subTest(certificate=ca):
                self.fetch_twice(version, *words(port, self.bed.directory / f"{ca}.pem"), resumed=resumed)

    @needs("go")
    @on_each(version=VERSIONS)
    @limit(120)
    def test_go(self, version):
        program = self.bed.directory / "fetch_go"
        if not program.exists():
            command("go", "build", "-o", program, PROGRAMS / "fetch.go", timeout=90,
                    env={"PATH": "/usr/bin:/bin", "HOME": str(self.bed.directory)})
        # Go sends a share of its first curve; of the ones here Sallyport has only the second.
        retried = version.endswith("retried")
        curves = ["P-521", "P-256"] if retried else []
        # Go 1.19 knows no extended master secret, without which there is no resumption in TLS 1.2
        # (RFC 7627 section 5.4).  And after a retry its binders are wrong (golang/go issue 59424), so
        # there it may not keep its session.
        resumes = version == "1.3"
        self.on_both_certificates(version, lambda port, ca: (
            program, f"{SERVICE4}:{port}", SERVER_NAME, ca, version[:3], "forget" if retried else "keep",
            *curves), resumed=int(resumes))

    @needs("java", "javac")
    @on_each(version=VERSIONS)
    @limit(120)
    def test_java(self, version):
        groups = ["secp521r1,secp256r1"] if version.endswith("retried") else []
        self.on_both_certificates(version, lambda port, ca: (
            "java", PROGRAMS / "Fetch.java", SERVICE4, port, SERVER_NAME, ca, f"TLSv{version[:3]}", *groups))

    @needs("node")
    @on_each(version=VERSIONS)
    def test_node(self, version):
        curves = ["P-521:P-256"] if version.endswith("retried") else []
        self.on_both_certificates(version, lambda port, ca: (
            "node", PROGRAMS / "fetch.js", SERVICE4, port, SERVER_NAME, ca, f"TLSv{version[:3]}", *curves))

    @needs("tstclnt", "certutil")
    @on_each(version=["1.3", "1.2"])
    def test_nss(self, version):
        request = self.bed.directory / "request"
        request.write_text(REQUEST)
        for port, ca in ((WEB, "ecdsa"), (WEB_RSA, "rsa")):
            with self.subTest(certificate=ca):
                store = self.nss_store(self.bed.directory / f"nss_{ca}", ca)
                self.fetch_twice(version, "tstclnt", "-h", SERVICE4, "-p", port, "-a", SERVER_NAME, "-d", store,
                                 "-u", "-L", 2, "-A", request, "-V", f"tls{version}:tls{version}")

    @needs("wget", "unshare")
    @on_each(version=["TLSv1_3", "TLSv1_2"])
    def test_wget(self, version):
        done = self.with_hosts("wget", "--quiet", "--output-document=-", f"--secure-protocol={version}",
                               f"--ca-certificate={self.bed.authority}", f"https://{SERVER_NAME}/")
        self.assertRegex(done.stdout, PAGE)

    @needs("chromium", "certutil")
    @limit(120)
    def test_chromium_shows_a_form_and_sends_it(self):
        home = self.bed.directory / "chromium"
        self.nss_store(home / ".pki/nssdb", "ecdsa")
        url = f"https://{SERVER_NAME}/form"
        shown, wanted = home / "shown.png", home / "wanted.png"
        form = home / "form.html"
        form.write_text(self.bed.curl(path="/form").stdout)
        self.chromium(home, f"--screenshot={wanted}", f"file://{form}")
        self.chromium(home, f"--screenshot={shown}", url)
        self.assertGreater(len(shown.read_bytes()), 1000)
        self.assertEqual(shown.read_bytes(), wanted.read_bytes(), "the page looks different through Sallyport")
        sent = self.chromium(home, "--dump-dom", f"{url}#send")
        self.assertIn("received word=sallyport&amp;kind=gate", sent.stdout)

    def chromium(self, home: pathlib.Path, *words):
        return self.bed.client.run(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-sync", "--disable-component-update",
            "--hide-scrollbars", "--window-size=640,480", "--virtual-time-budget=5000",
            f"--user-data-dir={home / 'profile'}", f"--host-resolver-rules=MAP {SERVER_NAME} {SERVICE4}", *words,
            timeout=50, env={"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def nss_store(self, store: pathlib.Path, ca: str) -> str:
        """nss_store is a database of NSS's in which one authority is trusted."""
        if not store.exists():
            store.mkdir(parents=True)
            command("certutil", "-N", "-d", f"sql:{store}", "--empty-password")
            command("certutil", "-A", "-d", f"sql:{store}", "-n", ca, "-t", "CP,,",
                    "-i", self.bed.directory / f"{ca}.pem")
        return f"sql:{store}"

    def with_hosts(self, *words):
        """with_hosts runs a program for which the server's name has an address."""
        hosts = self.bed.directory / "hosts"
        hosts.write_text(f"{SERVICE4} {SERVER_NAME}\n")
        return self.bed.client.run("unshare", "--mount", "sh", "-c",
                                   'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *words, timeout=30)


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
