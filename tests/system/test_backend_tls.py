"""Backends that speak TLS: nginx, Python and GnuTLS behind the appliance, and those that are refused."""
import clients
import testbed
from appliance import (BACKEND_NAME, HERE, SERVICE4, TLS_ECHO, TLS_FALLBACK, TLS_GNUTLS, TLS_NGINX, TLS_NGINX12,
                       TLS_STRANGER, TLS_WEB, TLS_WRONG_NAME)
from authority import Authority
from cases import limit, on_each
from test_transfers import MEGABYTE, TransferCases


def nginx_configuration(directory, certificate: testbed.Certificate, port: int, port12: int) -> str:
    return f"""
daemon off;
master_process off;
pid {directory}/nginx-tls.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  log_format tls "$ssl_protocol reused=$ssl_session_reused name=$ssl_server_name alpn=$ssl_alpn_protocol";
  access_log {directory}/nginx-tls.access tls;
  client_body_temp_path {directory}/nginx-tls-body;
  proxy_temp_path {directory}/nginx-tls-proxy;
  fastcgi_temp_path {directory}/nginx-tls-fastcgi;
  uwsgi_temp_path {directory}/nginx-tls-uwsgi;
  scgi_temp_path {directory}/nginx-tls-scgi;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:1m;
  server {{
    listen {port} ssl;
    ssl_certificate {certificate.chain};
    ssl_certificate_key {certificate.key};
    root {directory}/nginx;
  }}
  server {{
    listen {port12} ssl;
    ssl_protocols TLSv1.2;
    ssl_session_tickets off;
    ssl_certificate {certificate.chain};
    ssl_certificate_key {certificate.key};
    access_log {directory}/nginx-tls12.access tls;
    root {directory}/nginx;
  }}
}}
"""


class TlsBackends(TransferCases):
    settings = {"services": ["web", "web6", "tls_web", "tls_nginx", "tls_nginx12", "tls_gnutls", "tls_echo",
                             "tls_wrong_name", "tls_stranger", "tls_fallback"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = cls.bed.directory
        names = directory / "backend.ext"
        names.write_text(f"subjectAltName = DNS:{BACKEND_NAME}\n")
        authority = Authority(directory, "servers")
        cls.certificate = authority.issue("backend", "ecdsa", "-extfile", names)
        rsa = authority.issue("backend-rsa", "rsa", "-extfile", names)
        first, second = cls.bed.network.backends
        servers = [
            host.start("/usr/bin/python3", HERE / "backend.py", "--name", name, "--page", directory / f"{name}.html",
                       "--http", 8443, "--echo", 7443, "--tls", cls.certificate.chain,
                       cls.certificate.key, log=directory / f"{name}-tls.log")
            for host, name in ((first, "backend1"), (second, "backend2"))]
        for server in servers:
            server.wait_for_output("ready", 10)
        file = directory / "nginx-tls.conf"
        file.write_text(nginx_configuration(directory, rsa, 8444, 8446))
        second.start("nginx", "-e", "stderr", "-c", file, log=directory / "nginx-tls.log")
        second.start("gnutls-serv", "--http", "--port", 8445, "--disable-client-cert", "--x509certfile",
                     cls.certificate.chain, "--x509keyfile", cls.certificate.key, log=directory / "gnutls.log")

    def tls_failures(self) -> dict[str, int]:
        return self.bed.sallyport.show("handshakes")["backend_tls_failures"]

    def backends(self, pool: str) -> list[dict]:
        rows = self.bed.sallyport.show("backends")["backends"].values()
        return [row for row in rows if row["pool"] == pool]

    def fetch(self, port: int, path: str = "/", **more):
        return self.bed.curl(port=port, path=path, check=False, **more)

    def test_python_serves_pages(self):
        for _ in range(4):
            done = self.fetch(TLS_WEB)
            self.assertRegex(done.stdout, r"<h1>backend[12]</h1>", done.stderr)

    @limit(120)
    def test_much_comes_through_whole_both_ways(self):
        self.download(30 * MEGABYTE, 60, SERVICE4, "--tls-max 1.3", port=TLS_WEB)
        self.download(10 * MEGABYTE, 60, SERVICE4, "--tls-max 1.2", port=TLS_WEB)
        self.upload(30 * MEGABYTE, 60, port=TLS_WEB)

    def sees_name_protocol_and_resumption(self, version: str, port: int, pool: str, access: str) -> None:
        log = self.bed.directory / access
        for _ in range(4):
            self.assertIn("nginx answers", self.fetch(port).stdout)
        # nginx writes when the request is over.
        lines = self.wait_until(lambda: (found := log.read_text().splitlines()) and len(found) >= 4 and found,
                                "four lines of nginx")
        for line in lines:
            self.assertRegex(line, rf"^{version} reused=[.r] name={BACKEND_NAME} alpn=http/1.1$")
        self.assertIn("reused=.", lines[0])
        self.assertEqual([line for line in lines[1:4] if "reused=r" not in line], [], "all others are resumed")
        (row,) = self.backends(pool)
        self.assertEqual((row["tls_established"], row["tls_resumed"], row["tls_failed"]), (4, 3, 0))

    def test_nginx_sees_name_protocol_and_resumption(self):
        self.sees_name_protocol_and_resumption("TLSv1.3", TLS_NGINX, "tls_nginx", "nginx-tls.access")

    def test_nginx_without_tickets_sees_session_ids(self):
        self.sees_name_protocol_and_resumption("TLSv1.2", TLS_NGINX12, "tls_nginx12", "nginx-tls12.access")

    def test_gnutls_serves_pages(self):
        for _ in range(2):
            self.assertIn("<HTML>", self.fetch(TLS_GNUTLS).stdout.upper())

    @on_each(case=[("wrong_name", TLS_WRONG_NAME, 2), ("unknown_authority", TLS_STRANGER, 1)])
    def test_nothing_is_said_to_a_backend_with_a_wrong_certificate(self, case):
        reason, port, backends = case
        before = self.tls_failures().get(reason, 0)
        failed = self.failures().get("backend_tls", 0)
        done = self.fetch(port, "/who")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.wait_until(lambda: self.tls_failures().get(reason, 0) == before + backends, f"{reason} counted")
        self.wait_until(lambda: self.failures().get("backend_tls", 0) == failed + 1, "backend_tls counted")
        self.assertIn(reason, self.bed.sallyport.sallyctl("show", "handshakes"))
        self.assertEqual([row["tls_established"] for row in self.backends(f"tls_{reason}")
                          if reason == "wrong_name"], [0] * (backends if reason == "wrong_name" else 0))

    def test_a_backend_without_tls_is_passed_over(self):
        for _ in range(3):
            done = self.fetch(TLS_FALLBACK)
            self.assertIn("<h1>backend2</h1>", done.stdout, done.stderr)
        self.wait_until(lambda: self.backends("tls_fallback")[0]["tls_failed"] >= 1, "the failures counted")

    def test_sallyctl_shows_which_legs_are_tls(self):
        with clients.connect(self.bed, TLS_ECHO) as tls:
            tls.sendall(b"hello")
            self.assertEqual(tls.recv(5), b"hello")
            rows = self.wait_until(lambda: list(self.bed.sallyport.show("connections")["list"].values()), "a row")
            self.assertEqual([row.get("backend_tls") for row in rows], ["1.3"])
            self.assertIn("backend tls", self.bed.sallyport.sallyctl("show", "connections"))
            self.assertRegex(self.bed.sallyport.sallyctl("show", "backends"), r"tls +resumed +tls failed")
