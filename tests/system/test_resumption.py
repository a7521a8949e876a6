"""Real clients come back with the tickets that they were given."""
import os
import pathlib
import re
import ssl

import clients
from appliance import SERVER_NAME, SERVICE4, WEB, WEB_RSA
from cases import OnBed, limit, on_each

REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
PAGE = r"<h1>backend[12]</h1>"


class Returning(OnBed):
    """Returning has what tests of this file do with clients."""

    def refusals(self) -> dict[str, int]:
        return self.bed.sallyport.show("handshakes")["ticket_refusals"]

    def wait_for_one_more(self, counters, name: str, before: dict[str, int]) -> None:
        self.wait_until(lambda: counters().get(name, 0) == before.get(name, 0) + 1, f"one more {name}")

    def s_client(self, version: str, *words, port: int = WEB, ca: str = "ecdsa") -> str:
        done = self.bed.client.run(
            "openssl", "s_client", "-connect", f"{SERVICE4}:{port}", "-servername", SERVER_NAME, "-CAfile",
            self.bed.directory / f"{ca}.pem", "-ign_eof", f"-{version}", *words, input=REQUEST)
        self.assertRegex(done.stdout, PAGE)
        return done.stdout

    def session(self, version: str, *words) -> str:
        """session makes a full handshake and returns the file in which OpenSSL keeps its session."""
        file = self.bed.directory / f"{version}.session"
        file.unlink(missing_ok=True)
        self.assertRegex(self.s_client(version, "-sess_out", file, *words), r"\nNew, TLSv1")
        self.assertTrue(file.exists(), "no ticket came")
        return str(file)

    def gnutls_resumes(self, version: str, *words) -> None:
        done = self.bed.client.run(
            "gnutls-cli", "--priority", f"NORMAL:-VERS-ALL:+{version}", "--x509cafile", self.bed.authority,
            "--sni-hostname", SERVER_NAME, "--verify-hostname", SERVER_NAME, "--resume", *words,
            "--port", WEB, SERVICE4, input=REQUEST)
        self.assertIn("*** This is a resumed session", done.stdout)
        self.assertRegex(done.stdout, PAGE)

    def python_resumes_many_times(self, tls: ssl.SSLContext) -> None:
        session = None
        for turn in range(10):
            with clients.connect(self.bed, tls=tls, session=session) as connection:
                connection.sendall(REQUEST.encode())
                self.assertRegex(clients.read_to_end(connection).decode(), PAGE)
                self.assertEqual(connection.session_reused, turn > 0)
                session = connection.session


class Resumption(Returning):
    @on_each(version=["tls1_3", "tls1_2"])
    def test_openssl_resumes(self, version):
        before = self.resumptions()
        file = self.session(version)
        self.assertRegex(self.s_client(version, "-sess_in", file), r"\nReused, TLSv1")
        name = version.replace("_", "")
        self.wait_for_one_more(self.resumptions, f"{name}_full", before)
        self.wait_for_one_more(self.resumptions, f"{name}_resumed", before)

    def test_nothing_that_resumes_is_written_to_disk(self):
        for version in ("tls1_3", "tls1_2"):
            self.s_client(version, "-sess_in", self.session(version))
        pid = self.bed.sallyport.process.pid
        written = set()  # files that are open for it
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            flags = int(re.search(r"flags:\s+(\d+)", pathlib.Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text())[1], 8)
            if flags & os.O_ACCMODE != os.O_RDONLY and entry.is_file():
                written.add(entry.resolve())
        # Beside its log there is what DPDK keeps of itself in a file system in memory, and memory with a name.
        self.assertEqual([file for file in written - {self.bed.sallyport.process.log}
                          if "/dpdk/" not in str(file) and not str(file).startswith("/memfd:")], [])
        self.assertNotEqual(written, set(), "nothing was looked at")

    @on_each(suite=["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
    def test_openssl_resumes_under_other_cipher_suites(self, suite):
        file = self.session("tls1_3", "-ciphersuites", suite)
        text = self.s_client("tls1_3", "-ciphersuites", suite, "-sess_in", file)
        self.assertIn(f"\nReused, TLSv1.3, Cipher is {suite}", text)

    def test_openssl_early_data_is_not_accepted(self):
        file = self.session("tls1_3")
        early = self.bed.directory / "early"
        early.write_text("GET /early HTTP/1.1\r\n\r\n")
        text = self.s_client("tls1_3", "-sess_in", file, "-early_data", early)
        self.assertRegex(text, r"Reused, TLSv1.3")
        self.assertNotIn("Early data was accepted", text)

    @on_each(version=["VERS-TLS1.3", "VERS-TLS1.2"])
    def test_gnutls_resumes(self, version):
        self.gnutls_resumes(version, "--waitresumption")

    @on_each(version=[clients.TLS13, clients.TLS12])
    def test_python_resumes_many_times(self, version):
        tls = clients.context(self.bed, version)
        self.python_resumes_many_times(tls)

    def test_a_ticket_of_one_listener_is_of_no_use_at_another(self):
        before = self.refusals()
        file = self.session("tls1_3")
        text = self.s_client("tls1_3", "-sess_in", file, port=WEB_RSA, ca="rsa")
        self.assertRegex(text, r"\nNew, TLSv1.3")
        self.wait_for_one_more(self.refusals, "not_authentic", before)

    def test_sallyctl_says_what_was_resumed(self):
        file = self.session("tls1_3")
        self.s_client("tls1_3", "-sess_in", file)
        self.wait_until(lambda: "tls13_resumed" in self.bed.sallyport.sallyctl("show", "handshakes"),
                        "resumptions in the text of sallyctl")


class SessionIds(Returning):
    """Clients that know no tickets name their sessions instead."""

    def test_openssl_resumes(self):
        before = self.resumptions()
        file = self.session("tls1_2", "-no_ticket")
        for _ in range(2):
            self.assertRegex(self.s_client("tls1_2", "-no_ticket", "-sess_in", file), r"\nReused, TLSv1")
        self.wait_until(
            lambda: self.resumptions().get("known_session_id", 0) == before.get("known_session_id", 0) + 2,
            "two sessions by ID")

    def test_gnutls_resumes(self):
        self.gnutls_resumes("VERS-TLS1.2:%NO_TICKETS")

    def test_python_resumes_many_times(self):
        tls = clients.context(self.bed, clients.TLS12)
        tls.options |= ssl.OP_NO_TICKET
        self.python_resumes_many_times(tls)

    def test_an_id_of_one_listener_is_of_no_use_at_another(self):
        before = self.refusals()
        file = self.session("tls1_2", "-no_ticket")
        text = self.s_client("tls1_2", "-no_ticket", "-sess_in", file, port=WEB_RSA, ca="rsa")
        self.assertRegex(text, r"\nNew, TLSv1.2")
        self.wait_for_one_more(self.refusals, "not_authentic", before)


class Restart(Returning):
    settings = {"services": ["web", "web6"], "cluster_secret": bytes(range(32))}

    @limit(120)
    def test_tickets_outlive_a_restart_with_the_cluster_secret(self):
        files = {version: self.session(version) for version in ("tls1_3", "tls1_2")}
        self.bed.restart()
        for version, file in files.items():
            with self.subTest(version=version):
                self.assertRegex(self.s_client(version, "-sess_in", file), r"\nReused, TLSv1")

    @limit(120)
    def test_another_cluster_secret_is_another_world(self):
        file = self.session("tls1_3")
        self.bed.settings = {**self.settings, "cluster_secret": bytes(range(1, 33))}
        self.bed.restart()
        self.assertRegex(self.s_client("tls1_3", "-sess_in", file), r"\nNew, TLSv1.3")
        self.wait_for_one_more(self.refusals, "unknown_key", {})


class RestartWithoutSecret(Returning):
    settings = {"services": ["web", "web6"]}

    @limit(120)
    def test_tickets_end_with_the_process(self):
        file = self.session("tls1_3")
        self.bed.restart()
        self.assertRegex(self.s_client("tls1_3", "-sess_in", file), r"\nNew, TLSv1.3")
