"""Backends and clients that die at the worst moment, and shutdown."""
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import time
import unittest

import backend
import clients
from appliance import ECHO, SERVER_NAME, SERVICE4, WEB, Bed
from cases import OnBed, limit
from testbed import command


class FailingBackends(OnBed):
    def test_a_hangup_signal_ends_nothing(self):
        with clients.connect(self.bed) as tls:
            os.kill(self.bed.sallyport.process.pid, signal.SIGHUP)
            time.sleep(0.2)
            tls.sendall(clients.request("/"))
            self.assertIn(b"200 OK", clients.read_to_end(tls))
        self.assertTrue(self.bed.sallyport.process.running())

    @limit(120)
    def test_one_backend_dies_in_mid_transfer_and_comes_back(self):
        length = 3_000_000  # /slow/ takes almost four seconds for it
        transfers = {}
        while len(transfers) < 2:  # one transfer from each
            tls = clients.connect(self.bed)
            tls.sendall(clients.request(f"/slow/{length}"))
            head = b""
            while b"\r\n\r\n" not in head:
                head += tls.recv(4096)
            name = next(line for line in head.decode(errors="replace").split("\r\n")
                        if line.startswith("Server: ")).removeprefix("Server: ")
            if name in transfers:
                tls.close()
            else:
                transfers[name] = (tls, head.partition(b"\r\n\r\n")[2])
        self.bed.servers[0].kill()

        # The client of the dead backend must not take what it got for the whole.
        tls, body = transfers["backend1"]
        with tls:
            try:
                body += clients.read_to_end(tls)
            except (ssl.SSLError, ConnectionError):
                pass
        self.assertLess(len(body), length)
        # The other one does not notice.
        tls, body = transfers["backend2"]
        with tls:
            body += clients.read_to_end(tls)
        self.assertEqual(body, b"".join(backend.generated(length)))
        # Whoever comes now is served by the one that is left, without an error.
        for _ in range(10):
            self.assertEqual(self.bed.curl(path="/who").stdout.split()[0], "backend2")

        self.bed.servers[0] = self.bed.start_backend(0)
        self.bed.servers[0].wait_for_output("ready", 10)
        self.wait_until(lambda: self.bed.curl(path="/who").stdout.startswith("backend1"),
                        "the backend that came back gets no connection", 30)
        self.wait_until_idle()

    @limit(120)
    def test_a_silent_backend_is_replaced_by_another(self):
        host = self.bed.network.backends[0]
        host.run("sysctl", "-q", "-w", "net.ipv4.conf.all.forwarding=0")
        host.ip("link", "set", "eth0", "down")
        try:
            for _ in range(4):
                self.assertEqual(self.bed.curl(path="/who", seconds=15).stdout.split()[0], "backend2")
        finally:
            host.ip("link", "set", "eth0", "up")
        self.wait_until(lambda: self.bed.curl(path="/who").stdout.startswith("backend1"),
                        "the backend whose link came back gets no connection", 40)
        self.wait_until_idle()


class FailingClients(OnBed):
    settings = {"handshake_seconds": 3, "client_hello_seconds": 2}

    def start_client(self, script: str) -> subprocess.Popen:
        return subprocess.Popen(self.bed.client.inside("/usr/bin/python3", "-c", script),
                                stdout=subprocess.PIPE, text=True)

    def kill_when_ready(self, script: str) -> None:
        client = self.start_client(script)
        try:
            self.assertEqual(client.stdout.readline(), "now\n")
        finally:
            client.send_signal(signal.SIGKILL)
            client.wait(5)
            client.stdout.close()

    def test_clients_killed_after_half_a_client_hello_leave_nothing(self):
        for part in (1, 5, 60, 200):
            self.kill_when_ready(f"""
import socket, ssl, time
out = ssl.MemoryBIO()
tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="{SERVER_NAME}")
try: tls.do_handshake()
except ssl.SSLWantReadError: pass
s = socket.create_connection(("{SERVICE4}", {WEB}))
s.sendall(out.read()[:{part}])
print("now", flush=True)
time.sleep(60)""")
        self.wait_until_idle()
        self.assert_still_serving()

    def test_clients_killed_before_their_finished_leave_nothing(self):
        for _ in range(5):
            self.kill_when_ready(f"""
import socket, ssl, time
out = ssl.MemoryBIO()
tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="{SERVER_NAME}")
try: tls.do_handshake()
except ssl.SSLWantReadError: pass
s = socket.create_connection(("{SERVICE4}", {WEB}))
s.sendall(out.read())
s.recv(1)
print("now", flush=True)
time.sleep(60)""")
        self.wait_until_idle()
        self.assert_still_serving()

    def test_clients_killed_in_mid_transfer_leave_nothing(self):
        for path in ("/bytes/500000000", "/slow/50000000"):
            self.kill_when_ready(f"""
import socket, ssl, time
context = ssl.create_default_context(cafile="{self.bed.authority}")
tls = context.wrap_socket(socket.create_connection(("{SERVICE4}", {WEB})), server_hostname="{SERVER_NAME}")
tls.sendall({clients.request(path)!r})
got = 0
while got < 1000000: got += len(tls.recv(65536))
print("now", flush=True)
while tls.recv(65536): pass""")
        self.wait_until_idle()
        self.assert_still_serving()

    @limit(60)
    def test_clients_that_fall_silent_in_mid_handshake_time_out(self):
        hello = client_hello()
        for part in (0, 1, 100, len(hello)):
            plain = self.bed.client.connect(SERVICE4, WEB)
            self.addCleanup(plain.close)
            plain.sendall(hello[:part])
        self.wait_until_idle(seconds=20)  # limits.handshake_seconds is 3 here
        self.wait_until(lambda: self.failures().get("timed_out"), "no time-out is counted")

    @limit(60)
    def test_a_client_that_drips_its_hello_byte_by_byte_times_out(self):
        with self.bed.client.connect(SERVICE4, WEB) as plain:
            began = time.monotonic()
            with self.assertRaises(OSError):
                for byte in client_hello() * 10:
                    plain.sendall(bytes([byte]))
                    time.sleep(0.1)
                    if time.monotonic() - began > 15:
                        self.fail("a dripping client was still served after 15 s")
        self.wait_until_idle()

    def assert_still_serving(self) -> None:
        self.assertIn("<h1>", self.bed.curl().stdout)


class Shutdown(unittest.TestCase):
    programs = None

    def setUp(self):
        self.bed = Bed(self.programs, "sallytest")
        self.addCleanup(self.bed.close)

    def test_sigterm_lets_a_transfer_finish_refuses_new_clients_and_exits_with_0(self):
        length = 2_000_000
        tls = clients.connect(self.bed)
        with tls:
            tls.sendall(clients.request(f"/slow/{length}"))
            received = tls.recv(1000)
            self.bed.sallyport.process.popen.terminate()
            time.sleep(0.5)
            with self.assertRaises(OSError):
                clients.connect(self.bed, seconds=2).close()
            received += clients.read_to_end(tls)
        self.assertEqual(received.partition(b"\r\n\r\n")[2], b"".join(backend.generated(length)))
        self.assert_clean_end(20)

    def test_sigint_without_connections_exits_at_once_with_0(self):
        self.bed.sallyport.process.popen.send_signal(signal.SIGINT)
        self.assert_clean_end(10)

    def test_an_idle_connection_does_not_hold_the_shutdown_up_for_ever(self):
        with clients.connect(self.bed, ECHO):
            self.bed.sallyport.process.popen.terminate()
            self.assert_clean_end(45)

    def assert_clean_end(self, seconds: float) -> None:
        self.assertEqual(self.bed.sallyport.process.wait(seconds), 0)
        self.assertIn("stopped, 0 frames leaked", self.bed.sallyport.process.output())


class Cleanliness(unittest.TestCase):
    """The testbed itself: a killed run leaves nothing that the next one does not remove."""
    programs = None

    def test_a_killed_run_is_cleaned_up_by_the_next(self):
        here = pathlib.Path(__file__).parent
        script = (f"import sys; sys.path.insert(0, {str(here)!r}); import testbed, time\n"
                  "network = testbed.Network('sallykilled'); print('now', flush=True); time.sleep(60)")
        run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.stdout.readline(), "now\n")
        run.kill()
        run.wait(5)
        run.stdout.close()
        import testbed
        self.assertIn(str(run.pid), testbed.remove_leftovers())
        self.assertNotIn("sallykilled-", command("ip", "netns", "list").stdout)


def client_hello() -> bytes:
    """client_hello is a record as OpenSSL sends it."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=SERVER_NAME)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()
