"""A Sallyport that runs on a testbed, its configuration, and what sallyctl says about it."""
import dataclasses
import json
import os
import pathlib
import time

import testbed
from authority import Authority
from testbed import (BACKENDS4, BACKENDS6, GATE4, GATE6, SERVER_NAME, SERVICE4, SERVICE6, SOURCE4,
                     SOURCE6)

HERE = pathlib.Path(__file__).resolve().parent
INTERFACE = "sally0"

# Ports of the listeners, by what stands behind them.
WEB = 443  # two HTTP backends
WEB_RSA = 8443  # the same behind an RSA certificate
WEB_P384 = 16443  # and other certificates
WEB_ED25519 = 17443
WEB_COMPATIBLE = 18443  # RSA, and what only the policy "compatible" allows
WEB_IPV6 = 6443  # the same, reached over IPv6
NGINX = 5443
ECHO = 7443
HASH = 9443
DEAD = 4443  # a pool whose backends refuse every connection
ALPN = 3443  # "http/1.1" goes to the web pool, "test/nginx" to nginx
MTLS = 10443  # clients have to show a certificate of the authority "clients"
MTLS_OPTIONAL = 11443  # they may
TLS_WEB = 21443  # backends that speak TLS: Python
TLS_NGINX = 22443  # nginx
TLS_GNUTLS = 23443  # GnuTLS
TLS_NGINX12 = 28443  # nginx that has TLS 1.2 and no tickets
TLS_ECHO = 24443
TLS_WRONG_NAME = 25443  # the pool expects another name
TLS_STRANGER = 26443  # and another authority
TLS_FALLBACK = 27443  # one backend of two speaks no TLS
TOLD = 12443  # the backend is told who the client is, and says so
TOLD_NGINX = 13443
TOLD_HAPROXY = 14443
MADE = 2443  # no certificate configured: Sallyport makes one

BY_CERTIFICATE = {"ecdsa": WEB, "rsa": WEB_RSA, "p384": WEB_P384, "ed25519": WEB_ED25519}


@dataclasses.dataclass(frozen=True)
class Programs:
    """Programs of one build directory."""
    build: pathlib.Path

    @property
    def sallyport(self) -> pathlib.Path:
        return self.build / "app/sallyport/sallyport"

    @property
    def sallyctl(self) -> pathlib.Path:
        return self.build / "app/sallyctl/sallyctl"

    @property
    def lossy_bridge(self) -> pathlib.Path:
        return self.build / "tests/system/lossy_bridge"

    @property
    def flood(self) -> pathlib.Path:
        return self.build / "tests/system/flood"

    def sanitized(self) -> bool:
        options = json.loads((self.build / "meson-info/intro-buildoptions.json").read_text())
        return any(option["name"] == "b_sanitize" and option["value"] != "none" for option in options)

    def missing(self) -> list[str]:
        return [str(p) for p in (self.sallyport, self.sallyctl, self.lossy_bridge, self.flood) if not p.exists()]


def listener(name: str, port: int, pool: str, certificate: testbed.Certificate | None,
             limits: dict[str, int]) -> str:
    files = ""
    if certificate:
        # There is no response at first, which is told and harms nobody.
        staple = f', ocsp = "{certificate.chain}.ocsp"' if name == "web" else ""
        files = f'{{ chain = "{certificate.chain}", key = "{certificate.key}"{staple} }}'
    return f"""
[[listener]]
name = "{name}"
address = ["{SERVICE4}:{port}", "[{SERVICE6}]:{port}"]
pool = "{pool}"
tls.policy = "{"compatible" if name == "compatible" else "intermediate"}"
tls.certificates = [{files}]
""" + "".join(f"limits.{key} = {value}\n" for key, value in limits.items()) + (
        'tls.alpn = [{ protocol = "http/1.1", pool = "web" }, { protocol = "test/nginx", pool = "nginx" }]\n'
        if name == "alpn" else "") + (
        client_certificates(name, certificate.chain.parent) if name.startswith("mtls") or name == "told" else "") + (
        'tls.fingerprints = true\ntls.alpn = [{ protocol = "http/1.1", pool = "told" }]\n'
        if name == "told" else "")


def client_certificates(name: str, directory: pathlib.Path) -> str:
    authority = Authority(directory, "clients")
    return f"""tls.client_certificates = "{"required" if name == "mtls" else "optional"}"
tls.client_ca = "{authority.chain}"
tls.client_crl = "{authority.crl}"
"""


BACKEND_NAME = "backend.test"  # that certificates of TLS backends are for


def backend_tls(name: str, directory: pathlib.Path) -> str:
    """backend_tls is the table of a pool that speaks TLS."""
    authority = Authority(directory, "strangers" if name == "tls_stranger" else "servers")
    return f"""tls.ca = "{authority.chain}"
tls.server_name = "{"other.test" if name == "tls_wrong_name" else BACKEND_NAME}"
tls.policy = "{"modern" if name == "tls_gnutls" else "intermediate"}"
""" + ('tls.alpn = "http/1.1"\n' if name.startswith("tls_nginx") else "")


def pool(name: str, directory: pathlib.Path, source: str, *backends: str) -> str:
    addresses = ", ".join(f'{{ address = "{backend}" }}' for backend in backends)
    return f"""
[[pool]]
name = "{name}"
source_addresses = ["{source}"]
balance = "round_robin"
proxy_protocol = "{"v2" if name.startswith("told") else "off"}"
{backend_tls(name, directory) if name.startswith("tls") else ""}backends = [{addresses}]
"""


# Listeners that are there only for the tests that ask for them.
OF_SOME_TESTS = ("mtls", "told", "tls_", "p384", "ed25519", "compatible")


def configuration(directory: pathlib.Path, name: str = "sallyport", io_lcores=(1,), services=None,
                  cluster_secret: bytes = b"", **limits: int) -> str:
    """configuration is the file for the whole testbed; makes the certificates in `directory`.

    `services` names the listeners that are wanted (None: all but OF_SOME_TESTS); `limits` are the keys of
    listener.limits.  Without a `cluster_secret` Sallyport draws its own.
    """
    cluster = ""
    if cluster_secret:
        (directory / "cluster.secret").write_bytes(cluster_secret)
        (directory / "cluster.secret").chmod(0o600)
        cluster = '[cluster]\nsecret_file = "cluster.secret"\n'
    ecdsa = testbed.make_certificate(directory, "ecdsa", "ecdsa")
    rsa = testbed.make_certificate(directory, "rsa", "rsa")
    p384 = testbed.make_certificate(directory, "p384", "p384")
    ed25519 = testbed.make_certificate(directory, "ed25519", "ed25519")
    first, second = BACKENDS4
    listeners = [("web", WEB, "web", ecdsa), ("rsa", WEB_RSA, "web", rsa), ("p384", WEB_P384, "web", p384),
                 ("ed25519", WEB_ED25519, "web", ed25519), ("compatible", WEB_COMPATIBLE, "web", rsa),
                 ("web6", WEB_IPV6, "web6", ecdsa),
                 ("nginx", NGINX, "nginx", ecdsa), ("echo", ECHO, "echo", ecdsa),
                 ("hash", HASH, "hash", ecdsa), ("dead", DEAD, "dead", ecdsa), ("made", MADE, "web", None),
                 ("alpn", ALPN, "web", ecdsa), ("mtls", MTLS, "web", ecdsa),
                 ("mtls_optional", MTLS_OPTIONAL, "web", ecdsa), ("told", TOLD, "told", ecdsa),
                 ("told_nginx", TOLD_NGINX, "told_nginx", ecdsa), ("told_haproxy", TOLD_HAPROXY, "told_haproxy", rsa),
                 ("tls_web", TLS_WEB, "tls_web", ecdsa), ("tls_nginx", TLS_NGINX, "tls_nginx", ecdsa),
                 ("tls_nginx12", TLS_NGINX12, "tls_nginx12", ecdsa),
                 ("tls_gnutls", TLS_GNUTLS, "tls_gnutls", ecdsa), ("tls_echo", TLS_ECHO, "tls_echo", ecdsa),
                 ("tls_wrong_name", TLS_WRONG_NAME, "tls_wrong_name", ecdsa),
                 ("tls_stranger", TLS_STRANGER, "tls_stranger", ecdsa),
                 ("tls_fallback", TLS_FALLBACK, "tls_fallback", ecdsa)]
    pools = [("web", SOURCE4, f"{first}:8080", f"{second}:8080"),
             ("web6", SOURCE6, *[f"[{address}]:8080" for address in BACKENDS6]),
             ("nginx", SOURCE4, f"{second}:8081"), ("echo", SOURCE4, f"{first}:7000"),
             ("told", SOURCE4, f"{first}:8090"), ("told_nginx", SOURCE4, f"{second}:8091"),
             ("told_haproxy", SOURCE4, f"{second}:8092"),
             ("hash", SOURCE4, f"{first}:9000"), ("dead", SOURCE4, f"{first}:1", f"{second}:1"),
             ("tls_web", SOURCE4, f"{first}:8443", f"{second}:8443"), ("tls_nginx", SOURCE4, f"{second}:8444"),
             ("tls_nginx12", SOURCE4, f"{second}:8446"),
             ("tls_gnutls", SOURCE4, f"{second}:8445"), ("tls_echo", SOURCE4, f"{first}:7443"),
             ("tls_wrong_name", SOURCE4, f"{first}:8443", f"{second}:8443"),
             ("tls_stranger", SOURCE4, f"{first}:8443"), ("tls_fallback", SOURCE4, f"{first}:8080", f"{second}:8443")]
    wanted = [words for words in listeners
              if (words[0] in services if services else not words[0].startswith(OF_SOME_TESTS))]
    used = {words[2] for words in wanted}
    return f"""
[dataplane]
name = "{name}"
io_lcores = {list(io_lcores)}
max_connections = 20_000
allow_rsa_on_io = true

{cluster}
[[port]]
name = "net0"
device = "net_tap0,iface={INTERFACE}"

[[interface]]
port = "net0"
addresses = ["{GATE4}/24", "{GATE6}/64"]
""" + "".join(listener(*words, limits) for words in wanted) + "".join(
        pool(name, directory, *words) for name, *words in pools if name in used)


class Sallyport:
    """Sallyport is the daemon, its interface joined with the network."""

    def __init__(self, network: testbed.Network, programs: Programs, **settings):
        self.network = network
        self.programs = programs
        self.file = network.directory / "sallyport.toml"
        self.instance = f"{network.prefix}-{os.getpid()}"
        self.file.write_text(configuration(network.directory, self.instance, **settings))
        network.record.add("directories", f"/var/run/dpdk/{self.instance}")  # what a killed one leaves
        self.process = network.lan.start(
            programs.sallyport, "--config", self.file, log=network.directory / "sallyport.log",
            environment={"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
                         "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
        self.wait_for_interface(30)
        self.bridge = network.attach(INTERFACE, programs.lossy_bridge)
        self.process.wait_for_output("ready", 30)

    def wait_for_interface(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while testbed.command("ip", "-n", self.network.lan.name, "link", "show", INTERFACE,
                              check=False).returncode != 0:
            if not self.process.running() or time.monotonic() > deadline:
                raise testbed.TestbedError(f"{INTERFACE} did not appear:\n{self.process.output()}")
            time.sleep(0.05)

    def set_faults(self, faults: testbed.Faults) -> None:
        """set_faults changes what the bridge does; what it holds at that moment is lost."""
        self.bridge.stop()
        self.bridge = self.network.start_bridge(INTERFACE, self.programs.lossy_bridge, faults)

    def show(self, what: str) -> dict:
        return json.loads(self.sallyctl("show", what, "--json"))

    def sallyctl_words(self, *words) -> list[str]:
        """sallyctl_words is the command line of sallyctl for this instance."""
        return [str(self.programs.sallyctl), *words, "--instance", self.instance]

    def sallyctl(self, *words) -> str:
        return testbed.command(*self.sallyctl_words(*words)).stdout

    def resident_bytes(self) -> int:
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, seconds: float = 20) -> int:
        """stop returns the exit code after SIGTERM."""
        code = self.process.stop(seconds)
        if self.bridge is not None:
            self.bridge.stop()
        return code


def nginx_configuration(directory: pathlib.Path, port: int) -> str:
    return f"""
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {directory}/nginx-body;
  proxy_temp_path {directory}/nginx-proxy;
  fastcgi_temp_path {directory}/nginx-fastcgi;
  uwsgi_temp_path {directory}/nginx-uwsgi;
  scgi_temp_path {directory}/nginx-scgi;
  sendfile on;
  server {{
    listen {port} backlog=4096;
    listen [::]:{port} backlog=4096;
    root {directory}/nginx;
  }}
}}
"""


class Bed:
    """Bed is everything together: network, backends and Sallyport."""

    def __init__(self, programs: Programs, prefix: str, faults: testbed.Faults | None = None,
                 wire_size: bool = False, **settings):
        self.programs = programs
        self.network = testbed.Network(prefix, faults, wire_size)
        self.directory = self.network.directory
        try:
            self.servers = [self.start_backend(0), self.start_backend(1)]
            self.nginx = self.start_nginx()
            for server in self.servers:
                server.wait_for_output("ready", 10)
            self.settings = settings
            self.sallyport = Sallyport(self.network, programs, **settings)
            self.wait_until_serving()
        except BaseException:
            self.close()
            raise

    @property
    def client(self) -> testbed.Namespace:
        return self.network.client

    @property
    def authority(self) -> pathlib.Path:
        return self.directory / "ecdsa.pem"

    def restart(self) -> None:
        """restart ends Sallyport and starts it again, with the same settings and new certificates."""
        code = self.sallyport.stop(40)
        if code != 0:
            raise testbed.TestbedError(f"Sallyport ended with {code}:\n{self.sallyport.process.output()}")
        self.sallyport = Sallyport(self.network, self.programs, **self.settings)
        self.wait_until_serving()

    def start_backend(self, number: int) -> testbed.Process:
        """start_backend starts the Python backend on backend host 0 or 1."""
        name = f"backend{number + 1}"
        page = self.directory / f"{name}.html"
        page.write_text(f"<html><body><h1>{name}</h1><p>Python answers.</p></body></html>\n")
        return self.network.backends[number].start(
            "/usr/bin/python3", HERE / "backend.py", "--name", name, "--page", page,
            "--http", 8080, "--echo", 7000, "--hash", 9000, log=self.directory / f"{name}.log")

    def start_nginx(self) -> testbed.Process:
        """start_nginx starts nginx on the second backend host."""
        root = self.directory / "nginx"
        root.mkdir(exist_ok=True)
        (root / "index.html").write_text("<html><body><h1>nginx</h1><p>nginx answers.</p></body></html>\n")
        file = self.directory / "nginx.conf"
        file.write_text(nginx_configuration(self.directory, 8081))
        return self.network.backends[1].start("nginx", "-e", "stderr", "-c", file,
                                              log=self.directory / "nginx.log")

    def curl(self, *words, port: int = WEB, address: str = SERVICE4, path: str = "/", seconds: float = 10,
             check: bool = True, ca: str = "ecdsa", **more):
        """curl fetches a page by name over `address`; returns the completed process."""
        host = f"[{address}]" if ":" in address else address
        return self.client.run(
            "curl", "--silent", "--show-error", "--max-time", seconds, "--cacert",
            self.directory / f"{ca}.pem", "--resolve", f"{SERVER_NAME}:{port}:{host}", *words,
            f"https://{SERVER_NAME}:{port}{path}", timeout=seconds + 5, check=check, **more)

    def wait_until_serving(self, seconds: float = 20.0) -> None:
        """wait_until_serving returns when a page came back over each family, next hops resolved."""
        deadline = time.monotonic() + seconds
        for address in (SERVICE4, SERVICE6):
            for port in (WEB, WEB_IPV6):
                while (done := self.curl(port=port, address=address, seconds=3, check=False)).returncode != 0:
                    if time.monotonic() > deadline or not self.sallyport.process.running():
                        raise testbed.TestbedError(
                            f"no page from {address}:{port}: {done.stderr}\n{self.sallyport.process.output()}")
                    time.sleep(0.2)

    def logs(self) -> str:
        """logs are the last lines of every program's output, for a failed test."""
        parts = []
        for path in sorted(self.directory.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-40:]
            parts.append("\n".join([f"--- {path.name}", *lines]))
        return "\n".join(parts)

    def close(self) -> None:
        self.network.close()
