"""What backends are told about clients: read by Python, and by nginx and HAProxy, which nobody here wrote."""
import json
import re
import time

import fingerprint
import testbed
from appliance import (HERE, SERVER_NAME, SERVICE4, SERVICE6, TOLD, TOLD_HAPROXY, TOLD_NGINX)
from authority import Authority
from cases import OnBed, on_each
from clients import context
from testbed import CLIENT4, CLIENT6

NGINX = """
daemon off;
master_process off;
pid {directory}/told-nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/told-body;
  proxy_temp_path {directory}/told-proxy;
  fastcgi_temp_path {directory}/told-fastcgi;
  uwsgi_temp_path {directory}/told-uwsgi;
  scgi_temp_path {directory}/told-scgi;
  server {{
    listen 8091 proxy_protocol;
    location / {{
      default_type text/plain;
      return 200 "$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port|$request";
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 256
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend told
  bind :8092 accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]|%[src_port]|%[dst]|%[dst_port]|%[fc_pp_authority]"
"""


class Introduction(OnBed):
    settings = {"services": ["web", "web6", "told", "told_nginx", "told_haproxy"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        bed = cls.bed
        first, second = bed.network.backends
        python = first.start("/usr/bin/python3", HERE / "proxy_backend.py", 8090, log=bed.directory / "told.log")
        (bed.directory / "told-nginx.conf").write_text(NGINX.format(directory=bed.directory))
        second.start("nginx", "-e", "stderr", "-c", bed.directory / "told-nginx.conf",
                     log=bed.directory / "told-nginx.log")
        (bed.directory / "told-haproxy.cfg").write_text(HAPROXY)
        second.start("haproxy", "-db", "-f", bed.directory / "told-haproxy.cfg",
                     log=bed.directory / "told-haproxy.log")
        python.wait_for_output("ready", 10)

    def ask(self, *words, port: int = TOLD, **more) -> tuple[str, int]:
        """ask returns the answer and the port that the client used."""
        done = self.bed.curl("--write-out", "\n%{local_port}", *words, port=port, **more)
        text, local_port = done.stdout.rsplit("\n", 1)
        return text, int(local_port)

    @on_each(version=["1.3", "1.2"])
    def test_addresses_name_and_tls(self, version):
        for address, client in ((SERVICE4, CLIENT4), (SERVICE6, CLIENT6)):
            text, port = self.ask(f"--tlsv{version}", "--tls-max", version, address=address)
            said = json.loads(text)
            self.assertEqual(said["source"], [client, port])
            self.assertEqual(said["destination"], [address, TOLD])
            self.assertEqual(said["authority"], SERVER_NAME)
            self.assertEqual(said["request"], "GET / HTTP/1.1")
            self.assertTrue(said["crc32c"])
            self.assertEqual(said["alpn"], "http/1.1")
            tls = said["ssl"]
            self.assertEqual((tls["client"], tls["verify"]), (1, 1))
            self.assertEqual(tls["version"], f"TLSv{version}")
            self.assertRegex(tls["cipher"], "^TLS_AES_128_GCM_SHA256$" if version == "1.3" else
                             "^ECDHE-ECDSA-AES128-GCM-SHA256$")
            self.assertEqual((tls["sig_alg"], tls["key_alg"]), ("ecdsa-with-SHA256", "EC256"))
            self.assertNotIn("0xE2", said)

    def test_a_client_without_a_protocol(self):
        self.assertNotIn("alpn", json.loads(self.ask("--no-alpn")[0]))

    @on_each(version=["1.3", "1.2"])
    def test_the_certificate_of_a_client(self, version):
        certificate = Authority(self.bed.directory, "clients").issue("told client")
        text, _ = self.ask(f"--tlsv{version}", "--tls-max", version, "--cert", certificate.chain, "--key",
                           certificate.key)
        said = json.loads(text)
        printed = testbed.command("openssl", "x509", "-in", certificate.chain, "-noout", "-fingerprint", "-sha256",
                                  "-subject", "-nameopt", "RFC2253").stdout
        fingerprint = re.search(r"Fingerprint=(\S+)", printed)[1].replace(":", "").lower()
        subject = re.search(r"subject=(.*)", printed)[1].strip()
        self.assertEqual((said["ssl"]["client"], said["ssl"]["verify"]), (7, 0))
        self.assertEqual(said["ssl"]["cn"], "told client")
        self.assertEqual(said["0xE2"], fingerprint)
        self.assertEqual(said["0xE3"], subject)

    @on_each(address=[SERVICE4, SERVICE6])
    def test_nginx_reads_it(self, address):
        text, port = self.ask(port=TOLD_NGINX, address=address)
        client = CLIENT6 if ":" in address else CLIENT4
        self.assertEqual(text, f"{client}|{port}|{address}|{TOLD_NGINX}|GET / HTTP/1.1")

    @on_each(address=[SERVICE4, SERVICE6])
    def test_haproxy_reads_it(self, address):
        text, port = self.ask(port=TOLD_HAPROXY, address=address, ca="rsa")
        client = CLIENT6 if ":" in address else CLIENT4
        self.assertEqual(text, f"{client}|{port}|{address}|{TOLD_HAPROXY}|{SERVER_NAME}")

    def test_many_in_a_row(self):
        for number in range(50):
            said = json.loads(self.ask(path=f"/{number}")[0])
            self.assertEqual(said["request"], f"GET /{number} HTTP/1.1")

    def test_fingerprints_are_those_of_tshark(self):
        capture = self.bed.directory / "told.pcap"
        tshark = self.bed.client.start("tshark", "-i", "any", "-f", f"tcp port {TOLD}", "-w", capture,
                                       log=self.bed.directory / "tshark.log")
        tshark.wait_for_output("Capture started", 20)
        said = {}  # by the client's port
        before = {row["ja4"]: row["clients"] for row in self.fingerprints()}
        for words in (("--tlsv1.3",), ("--tls-max", "1.2"), ("--no-alpn",), ("--curves", "P-521:X25519"),
                      ("--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384", "--tls-max", "1.2"), ("--http1.1",)):
            text, port = self.ask(*words)
            said[port] = json.loads(text)
        for name in ("-servername", "-noservername"):
            done = self.bed.client.run(
                "openssl", "s_client", "-connect", f"{SERVICE4}:{TOLD}", name, *([SERVER_NAME] if name[1] == "s" else []),
                "-quiet", "-ign_eof", input="GET / HTTP/1.0\r\n\r\n")
            answer = json.loads(done.stdout.split("\n\n", 1)[1])
            said[answer["source"][1]] = answer
        with self.bed.client.connect(SERVICE4, TOLD) as plain:
            with context(self.bed).wrap_socket(plain, server_hostname=SERVER_NAME) as tls:
                tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = json.loads(tls.makefile("rb").read().split(b"\r\n\r\n", 1)[1])
                said[answer["source"][1]] = answer
        time.sleep(1)  # until tshark has written what it saw
        tshark.stop()
        expected = fingerprint.of_capture(capture, TOLD)
        self.assertEqual({port: (answer["0xE1"], answer["0xE0"]) for port, answer in said.items()}, expected)
        self.assertGreater(len(set(expected.values())), 4, "the clients are too much alike to show anything")
        after = {row["ja4"]: row["clients"] for row in self.fingerprints()}
        for ja4 in {ja4 for ja4, _ in expected.values()}:
            times = sum(1 for other, _ in expected.values() if other == ja4)
            self.assertEqual(after[ja4] - before.get(ja4, 0), times, ja4)
        text = self.bed.sallyport.sallyctl("show", "fingerprints")
        self.assertIn("last server name", text)
        self.assertIn(SERVER_NAME, text)

    def fingerprints(self) -> list[dict]:
        return list(self.bed.sallyport.show("fingerprints")["fingerprints"].values())
