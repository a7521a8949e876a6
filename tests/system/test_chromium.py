"""A headless Chromium shows a page with a form and sends it: each version, certificates of both sides, resumed."""
import json
import pathlib
import shutil
import unittest

from appliance import BY_CERTIFICATE, MTLS, SERVER_NAME, SERVICE4
from authority import Authority
from cases import OnBed, limit
from command_clients import FULL, RESUMED
from testbed import command

PROGRAMS = ("chromium", "certutil", "pk12util", "unshare")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
POLICIES = pathlib.Path("/etc/chromium")  # where alone it looks for them
COMPRESSED_CERTIFICATE = 25  # RFC 8879 section 4
KINDS = ("ecdsa", "rsa", "p384")  # it knows no Ed25519
SIGNED_BY = {"ecdsa": "ecdsa_", "rsa": "rsa_", "p384": "ecdsa_"}  # how its names of algorithms begin
OTHER = {"1.3": "1.2", "1.2": "1.3"}
ATTEMPTS = 5
SENT_FORM = "received word=sallyport&amp;kind=gate"


@unittest.skipIf(MISSING, f"{', '.join(MISSING)} not installed")
@unittest.skipUnless(POLICIES.is_dir(), f"no {POLICIES}")
class Chromium(OnBed):
    settings = {"services": ["web", "web6", "rsa", "p384", "mtls"]}

    def setUp(self):
        self.home = self.bed.directory / f"chromium_{self._testMethodName}"
        self.store = self.home / ".pki/nssdb"
        self.store.mkdir(parents=True)
        command("certutil", "-N", "-d", f"sql:{self.store}", "--empty-password")
        for kind in KINDS:
            command("certutil", "-A", "-d", f"sql:{self.store}", "-n", kind, "-t", "CP,,",
                    "-i", self.bed.directory / f"{kind}.pem")
        # Connections that it opens before it needs them would be full handshakes, as many as it likes.
        self.policies = {"NetworkPredictionOptions": 2}

    def chromium(self, *words):
        """chromium runs it to its end, with policies that nobody else sees."""
        managed = self.home / "etc/policies/managed"
        managed.mkdir(parents=True, exist_ok=True)
        (managed / "tests.json").write_text(json.dumps(self.policies))
        return self.bed.client.run(
            "unshare", "--mount", "sh", "-c", f'mount --bind "$0" {POLICIES} && exec "$@"', self.home / "etc",
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-sync", "--disable-component-update",
            "--hide-scrollbars", "--window-size=640,480", "--virtual-time-budget=5000",
            f"--user-data-dir={self.home / 'profile'}", f"--host-resolver-rules=MAP {SERVER_NAME} {SERVICE4}", *words,
            timeout=50, env={"HOME": str(self.home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def send_form(self, port: int, *words) -> list[tuple[str, dict]]:
        """send_form gets the form over one connection, sends it over another, and returns what Chromium logged."""
        log = self.home / "net.json"
        done = self.chromium(f"--log-net-log={log}", "--net-log-capture-mode=Everything", *words, "--dump-dom",
                             f"https://{SERVER_NAME}:{port}/form?close#send")
        self.assertIn(SENT_FORM, done.stdout)
        written = json.loads(log.read_text())
        names = {number: name for name, number in written["constants"]["logEventTypes"].items()}
        return [(names[event["type"]], event.get("params", {})) for event in written["events"]]

    def send_form_as(self, version: str, port: int, *words, known: bool) -> list[tuple[str, dict]]:
        """send_form_as is send_form where the counters have to agree with what Chromium logged of its handshakes."""
        with self.expect_handshakes() as expected:
            events = self.send_form(port, *words)
            made = [told["is_resumed"] for name, told in events
                    if name == "SSL_CONNECT" and told.get("version") == f"TLS {version}"]
            expected.update({FULL[version]: made.count(False), RESUMED[version]: made.count(True),
                             FULL[OTHER[version]]: 0, RESUMED[OTHER[version]]: 0,
                             "known_client": len(made) if known else 0})
        return events

    def resumes(self, version: str, port: int, *words, known: bool = False) -> list[tuple[str, dict]]:
        """resumes is send_form_as with a full handshake, and a resumed one when there was something to resume.

        Where a SYN is answered late, as on a busy machine, Chromium connects a second time before it has a session,
        and sends the form over that connection.  Then it is run again.
        """
        for _ in range(ATTEMPTS):
            events = self.send_form_as(version, port, *words, known=known)
            connects = [told for name, told in events if name == "SSL_CONNECT"]  # when one begins, nothing is told
            first = [told.get("is_resumed") for told in connects].index(False)
            if {} in connects[first:]:
                break
        self.assertIn(True, [told.get("is_resumed") for told in connects])
        received = {told["type"] for name, told in events if name == "SSL_HANDSHAKE_MESSAGE_RECEIVED"}
        self.assertEqual(COMPRESSED_CERTIFICATE in received, version == "1.3")
        return events

    @limit(120)
    def test_the_form_looks_the_same(self):
        shown, wanted = self.home / "shown.png", self.home / "wanted.png"
        form = self.home / "form.html"
        form.write_text(self.bed.curl(path="/form").stdout)
        self.chromium(f"--screenshot={wanted}", f"file://{form}")
        self.chromium(f"--screenshot={shown}", f"https://{SERVER_NAME}/form")
        self.assertGreater(len(shown.read_bytes()), 1000)
        self.assertEqual(shown.read_bytes(), wanted.read_bytes(), "the page looks different through Sallyport")

    @limit(120)
    def test_the_form_is_sent_with_every_certificate(self):
        for kind in KINDS:
            with self.subTest(certificate=kind):
                self.resumes("1.3", BY_CERTIFICATE[kind])

    @limit(120)
    def test_the_form_is_sent_over_tls_1_2(self):
        for kind in KINDS:
            with self.subTest(certificate=kind):
                self.resumes("1.2", BY_CERTIFICATE[kind], "--ssl-version-max=tls1.2")

    @limit(120)
    def test_a_certificate_is_shown(self):
        for kind in KINDS:
            name = f"chromium-{kind}"
            certificate = Authority(self.bed.directory, "clients").issue(name, kind)
            file = self.home / "client.p12"
            command("openssl", "pkcs12", "-export", "-in", certificate.chain, "-inkey", certificate.key, "-name",
                    name, "-passout", "pass:given", "-out", file)
            command("pk12util", "-i", file, "-d", f"sql:{self.store}", "-W", "given", "-K", "")
            self.policies["AutoSelectCertificateForUrls"] = [
                json.dumps({"pattern": f"https://{SERVER_NAME}:{MTLS}", "filter": {"SUBJECT": {"CN": name}}})]
            for version in ("1.3", "1.2"):
                with self.subTest(client_certificate=kind, version=version):
                    events = self.resumes(version, MTLS, f"--ssl-version-max=tls{version}", known=True)
                    signed = [told["algorithm"] for name, told in events
                              if name == "SSL_PRIVATE_KEY_OP" and "algorithm" in told]
                    self.assertTrue(signed and all(name.startswith(SIGNED_BY[kind]) for name in signed), signed)
