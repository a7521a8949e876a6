"""Real clients fetch pages; local protocols are answered."""
import contextlib
import pathlib
import re
import socket
import ssl
import time
import unittest

import clients
from appliance import (ALPN, DEAD, ECHO, HASH, MADE, NGINX, SERVER_NAME, SERVICE4, SERVICE6, WEB, WEB_IPV6, WEB_RSA, Sallyport)
from cases import OnBed, on_each
from frames import packed
from testbed import GATE4, GATE6, SOURCE4, Network, command

ROOT = pathlib.Path(__file__).resolve().parents[2]

REQUEST = f"GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n"
EVERY_SUITE = [("TLSv1.3", "TLS_AES_128_GCM_SHA256"), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
               ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")] + [
    ("TLSv1.2", f"{key}-{cipher}") for key in ("ECDHE-ECDSA", "ECDHE-RSA", "DHE-RSA")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")]


def make_staple(certificate: pathlib.Path, key: pathlib.Path, response: pathlib.Path) -> None:
    """make_staple writes what the issuer of a self-signed certificate, itself, says about it."""
    serial = command("openssl", "x509", "-in", certificate, "-noout", "-serial").stdout.strip().partition("=")[2]
    index = response.with_suffix(".index")
    index.write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN={SERVER_NAME}\n")
    fresh = response.with_suffix(".new")
    command("openssl", "ocsp", "-index", index, "-CA", certificate, "-rsigner", certificate, "-rkey", key,
            "-issuer", certificate, "-cert", certificate, "-respout", fresh, "-ndays", "1", "-noverify")
    fresh.rename(response)


class LocalProtocols(OnBed):
    @on_each(address=[GATE4, SERVICE4, SOURCE4])
    def test_arp_requests_for_every_own_address_are_answered(self, address):
        done = self.bed.client.run("arping", "-c", "2", "-w", "3", "-I", "eth0", address)
        self.assertIn("from", done.stdout)

    def test_arp_requests_for_other_addresses_are_not_answered(self):
        done = self.bed.client.run("arping", "-c", "1", "-w", "1", "-I", "eth0", "198.18.0.99", check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)

    @on_each(address=[GATE4, SERVICE4, GATE6, SERVICE6])
    def test_echo_requests_are_answered(self, address):
        self.bed.client.run("ping", "-c", "3", "-i", "0.2", "-W", "2", address)

    @on_each(address=[GATE4, GATE6])
    def test_echo_requests_as_long_as_the_mtu_are_answered(self, address):
        self.bed.client.run("ping", "-c", "2", "-i", "0.2", "-W", "2", "-M", "do", "-s",
                            1452 if ":" in address else 1472, address)

    @on_each(address=[SERVICE4, SERVICE6])
    def test_a_port_without_listener_answers_with_a_reset(self, address):
        with self.assertRaises(ConnectionRefusedError):
            self.bed.client.connect(address, 4, seconds=3).close()


class Announcements(unittest.TestCase):
    programs = None

    def test_own_addresses_are_announced_at_start(self):
        network = Network("sallytest")
        self.addCleanup(network.close)
        # Bound to no interface: it hears the tap interface as soon as that exists.
        with network.lan.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as raw:
            raw.settimeout(0.5)
            Sallyport(network, self.programs)
            wanted = {packed(address) for address in (GATE4, SERVICE4, SOURCE4, GATE6, SERVICE6)}
            deadline = time.monotonic() + 10
            while wanted and time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    frame = raw.recv(2048)
                    if frame[12:14] == b"\x08\x06" and frame[28:32] == frame[38:42]:
                        wanted.discard(frame[28:32])  # gratuitous ARP: sender and target are the same
                    if frame[12:14] == b"\x86\xdd" and frame[20:21] == b"\x3a" and frame[54:55] == b"\x88":
                        wanted.discard(frame[62:78])  # unsolicited neighbour advertisement
        self.assertFalse(wanted, "addresses that were not announced")


class Clients(OnBed):
    def assert_page(self, text: str) -> None:
        self.assertRegex(text, r"<h1>(backend[12]|nginx)</h1>")

    @on_each(address=[SERVICE4, SERVICE6])
    def test_curl_fetches_a_page_over_tls_1_3(self, address):
        done = self.bed.curl("--tlsv1.3", "--verbose", address=address)
        self.assert_page(done.stdout)
        self.assertIn("SSL connection using TLSv1.3", done.stderr)

    @on_each(address=[SERVICE4, SERVICE6])
    def test_curl_fetches_a_page_over_tls_1_2(self, address):
        done = self.bed.curl("--tls-max", "1.2", "--verbose", address=address)
        self.assert_page(done.stdout)
        self.assertIn("SSL connection using TLSv1.2", done.stderr)

    @on_each(port=[WEB, WEB_IPV6])
    def test_backends_are_reached_over_their_own_family(self, port):
        name, source = self.bed.curl(port=port, path="/who").stdout.split()
        self.assertIn(name, ("backend1", "backend2"))
        self.assertIn("2001:db8::11" if port == WEB_IPV6 else "198.18.0.11", source)

    def test_round_robin_reaches_both_backends(self):
        names = {self.bed.curl(path="/who").stdout.split()[0] for _ in range(6)}
        self.assertEqual(names, {"backend1", "backend2"})

    def test_nginx_as_backend_answers(self):
        self.assertIn("<h1>nginx</h1>", self.bed.curl(port=NGINX).stdout)

    def test_one_connection_carries_many_requests(self):
        url = f"https://{SERVER_NAME}:{NGINX}/"
        done = self.bed.curl("--verbose", *[url] * 20, port=NGINX)
        self.assertEqual(done.stdout.count("<h1>nginx</h1>"), 21)
        self.assertEqual(done.stderr.count("Connected to"), 1)

    @on_each(suite=EVERY_SUITE)
    def test_openssl_gets_a_page_with_every_cipher_suite(self, suite):
        version, name = suite
        option = "-ciphersuites" if version == "TLSv1.3" else "-cipher"
        port, ca = (WEB_RSA, "rsa") if "-RSA-" in name else (WEB, "ecdsa")
        done = self.s_client(f"-{version[3:].lower().replace('v', 'tls').replace('.', '_')}", option, name,
                             port=port, ca=ca)
        self.assertRegex(done.stdout, rf"New, {re.escape(version)}, Cipher is {name}")
        self.assertIn("Verify return code: 0 (ok)", done.stdout)
        self.assert_page(done.stdout)

    @on_each(group={"X25519": "X25519", "P-256": "ECDH, prime256v1", "P-384": "ECDH, secp384r1"}.items())
    def test_openssl_gets_a_page_with_every_group(self, group):
        name, shown = group
        # In TLS 1.2 the list also says which ECDSA certificates the client takes.
        for version, port, ca in (("-tls1_3", WEB, "ecdsa"), ("-tls1_2", WEB_RSA, "rsa")):
            done = self.s_client(version, "-groups", name, port=port, ca=ca)
            key = re.search(r"Server Temp Key: (.*)", done.stdout)[1]
            self.assertTrue(key.startswith(shown), key)
            self.assert_page(done.stdout)

    def test_a_hello_retry_request_asks_for_a_group_that_is_known(self):
        done = self.s_client("-tls1_3", "-groups", "P-521:P-256", "-msg")
        self.assertEqual(len(re.findall(r"ClientHello", done.stdout)), 2)
        self.assert_page(done.stdout)

    @on_each(priority=["NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"])
    def test_gnutls_gets_a_page(self, priority):
        for port, ca in ((WEB, "ecdsa"), (WEB_RSA, "rsa")):
            done = self.bed.client.run(
                "gnutls-cli", "--priority", priority, "--x509cafile", self.bed.directory / f"{ca}.pem",
                "--sni-hostname", SERVER_NAME, "--verify-hostname", SERVER_NAME, "--port", port, SERVICE4,
                input=REQUEST)
            self.assertIn("Handshake was completed", done.stdout)
            self.assert_page(done.stdout)

    def test_a_staple_is_shown_soon_after_its_file_was_written(self):  # RFC 6066 section 8
        self.assertIn("no response sent", self.s_client("-status").stdout)
        chain = self.bed.directory / "ecdsa.pem"
        make_staple(chain, self.bed.directory / "ecdsa.key", chain.with_name(chain.name + ".ocsp"))
        deadline = time.monotonic() + 20
        while "no response sent" in self.s_client("-status").stdout:
            self.assertLess(time.monotonic(), deadline, "the response is not shown")
            time.sleep(0.5)
        for version in ("-tls1_3", "-tls1_2"):
            done = self.s_client("-status", version)
            self.assertIn("OCSP Response Status: successful", done.stdout)
            self.assertIn("Cert Status: good", done.stdout)
            self.assert_page(done.stdout)

    @on_each(version=[clients.TLS13, clients.TLS12])
    def test_python_gets_a_page(self, version):
        for address in (SERVICE4, SERVICE6):
            for port, ca in ((WEB, "ecdsa"), (WEB_RSA, "rsa")):
                tls = clients.context(self.bed, version, ca)
                self.assert_page(clients.fetch(self.bed, address=address, port=port, tls=tls).decode())

    @on_each(version=["-tls1_3", "-tls1_2"])
    def test_alpn_picks_the_pool(self, version):
        for protocol, page in (("http/1.1", "backend"), ("test/nginx", "nginx"), ("other,test/nginx", "nginx")):
            done = self.s_client(version, "-alpn", protocol, port=ALPN)
            self.assertIn(f"ALPN protocol: {protocol.split(',')[-1]}", done.stdout)
            self.assertIn(f"<h1>{page}", done.stdout)

    def test_a_client_without_common_application_protocol_is_refused(self):
        done = self.s_client("-alpn", "other", port=ALPN, check=False)
        self.assertIn("alert no application protocol", done.stdout + done.stderr)

    def test_a_listener_without_certificate_makes_one_and_prints_its_fingerprint(self):
        done = self.s_client("-showcerts", port=MADE)
        shown = command("openssl", "x509", "-noout", "-fingerprint", "-sha256", input=done.stdout).stdout
        fingerprint = shown.strip().partition("=")[2]
        self.assertIn(fingerprint.replace(":", "").lower(),
                      self.bed.sallyport.process.output().replace(":", "").lower())

    def test_tls_1_1_is_refused_with_protocol_version(self):
        done = self.s_client("-tls1_1", "-cipher", "ALL:@SECLEVEL=0", check=False)
        self.assertIn("alert protocol version", done.stdout + done.stderr)

    def test_a_client_without_common_cipher_suite_gets_handshake_failure(self):
        done = self.s_client("-tls1_2", "-cipher", "AES128-SHA", check=False)
        self.assertIn("alert handshake failure", done.stdout + done.stderr)

    def test_plain_http_on_a_tls_port_is_refused_without_a_backend(self):
        with self.bed.client.connect(SERVICE4, WEB) as plain:
            plain.sendall(REQUEST.encode())
            answer = b""
            try:
                while part := plain.recv(4096):
                    answer += part
            except ConnectionResetError:
                pass
        self.assertNotIn(b"HTTP", answer)

    @on_each(version=[clients.TLS13, clients.TLS12])
    def test_close_notify_from_the_client_leaves_the_way_back_open(self, version):
        sent, answered = clients.send_and_hash(self.bed, HASH, 300_000, version)
        self.assertEqual(sent, answered)

    @on_each(version=[clients.TLS13, clients.TLS12])
    def test_the_end_of_the_backend_reaches_the_client_as_close_notify(self, version):
        with clients.connect(self.bed, tls=clients.context(self.bed, version)) as tls:
            tls.sendall(clients.request("/bytes/100000"))
            head, _, body = clients.read_to_end(tls).partition(b"\r\n\r\n")
            self.assertEqual(len(body), 100_000, head)

    @on_each(size=[1, 15, 16, 17, 1349, 1350, 1351, 16383, 16384, 16385, 100_000])
    def test_messages_of_every_size_come_back_as_they_were_sent(self, size):
        with clients.connect(self.bed, ECHO) as tls:
            sent = bytes(i * 7 % 251 for i in range(size))
            tls.sendall(sent)
            received = b""
            while len(received) < size:
                part = tls.recv(65536)
                self.assertTrue(part)
                received += part
            self.assertEqual(received, sent)

    def test_when_every_backend_refuses_the_client_is_closed_cleanly(self):
        with clients.connect(self.bed, DEAD) as tls:
            tls.sendall(clients.request("/"))
            try:
                self.assertEqual(clients.read_to_end(tls), b"")
            except ssl.SSLError as refused:
                self.assertIn("ALERT", str(refused).upper())
            except ConnectionResetError:
                pass
        failures = self.wait_until(lambda: self.failures().get("backend_refused"),
                                   "the refusal is not counted")
        self.assertGreaterEqual(failures, 1)

    def s_client(self, *words, port: int = WEB, ca: str = "ecdsa", check: bool = True):
        return self.bed.client.run(
            "openssl", "s_client", "-connect", f"{SERVICE4}:{port}", "-servername", SERVER_NAME, "-CAfile",
            self.bed.directory / f"{ca}.pem", "-verify_hostname", SERVER_NAME, "-ign_eof", *words,
            input=REQUEST, check=check)


class CommandLine(OnBed):
    VIEWS = ("handshakes", "connections", "lcores", "ports", "backends", "drops")

    @on_each(view=VIEWS)
    def test_every_view_prints_text_and_json(self, view):
        self.assertTrue(self.bed.sallyport.sallyctl("show", view).strip())
        self.assertTrue(self.bed.sallyport.show(view))

    def test_a_page_shows_in_the_funnel(self):
        before = self.stages()
        self.bed.curl()
        for stage in ("syn_received", "syn_ack_sent", "cookie_accepted", "client_hello", "tls_established",
                      "backend_established", "first_byte_to_client"):
            self.wait_until(lambda: self.stages()[stage] > before[stage],
                            f"{stage} did not rise")

    def test_a_readable_message_when_nothing_is_running(self):
        done = command(self.programs.sallyctl, "show", "handshakes", "--instance", "nobody", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("running", done.stdout + done.stderr)

    def test_check_accepts_the_running_configuration(self):
        command(self.programs.sallyport, "--check", self.bed.sallyport.file)

    def test_check_names_line_and_column_of_an_unknown_key(self):
        file = self.bed.directory / "unknown.toml"
        file.write_text(self.bed.sallyport.file.read_text().replace("max_connections", "max_conections"))
        done = command(self.programs.sallyport, "--check", file, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"unknown\.toml:5:1: .*max_conections")

    def test_check_accepts_the_example_of_the_readme(self):
        example = re.search(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
        certificate = self.bed.directory / "ecdsa.pem"
        file = self.bed.directory / "readme.toml"
        file.write_text(example.replace("site.pem", str(certificate)).replace(
            "site.key", str(certificate.with_suffix(".key"))))
        command(self.programs.sallyport, "--check", file)

    def test_check_refuses_a_key_of_another_certificate(self):
        file = self.bed.directory / "mismatch.toml"
        file.write_text(self.bed.sallyport.file.read_text().replace("ecdsa.key", "rsa.key", 1))
        done = command(self.programs.sallyport, "--check", file, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"mismatch\.toml:\d+:\d+: error: .*rsa\.key")

    def test_print_config_shows_defaults(self):
        done = command(self.programs.sallyport, "--print-config", self.bed.sallyport.file)
        self.assertIn("max_connections", done.stdout)

    def test_help_config_explains_every_key(self):
        self.assertIn("max_connections", command(self.programs.sallyport, "--help-config").stdout)

    def test_explain_policy_lists_what_each_allows(self):
        for policy, lines in (("modern", ["versions: TLS 1.3", "TLS_AES_128_GCM_SHA256"]),
                              ("intermediate", ["versions: TLS 1.3, TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
                              ("compatible", ["x448", "TLS_RSA_WITH_AES_128_CBC_SHA"])):
            told = command(self.programs.sallyport, "--explain-policy", policy).stdout
            for line in lines:
                self.assertIn(line, told, policy)

    def test_explain_policy_refuses_a_name_that_is_none(self):
        done = command(self.programs.sallyport, "--explain-policy", "strange", check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('is modern, intermediate or compatible, not "strange"', done.stderr)
