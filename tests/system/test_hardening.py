"""The process keeps its secrets: no core dumps, no swap, no debuggers; and says so where it cannot."""
import dataclasses
import pathlib
import re
import shlex
import unittest

from appliance import Programs, Sallyport
from testbed import Network, command

CAP_IPC_LOCK = 14
WITHOUT_LOCKING = "--bounding-set=-ipc_lock"
WITHOUT_TRACING = "--bounding-set=-sys_ptrace"


@dataclasses.dataclass(frozen=True)
class Wrapped(Programs):
    """Wrapped starts Sallyport through a script that takes something away from it first."""
    script: pathlib.Path = pathlib.Path()

    @property
    def sallyport(self) -> pathlib.Path:
        return self.script


class Hardening(unittest.TestCase):
    programs = None

    def setUp(self):
        if self.programs.sanitized():
            self.skipTest("sanitizers keep mlockall from doing anything")
        self.network = Network("sallytest")
        self.addCleanup(self.network.close)

    def start(self, before: str = "", *setpriv: str) -> Sallyport:
        """start runs the shell's words `before`, then Sallyport with what setpriv leaves it."""
        programs = self.programs
        if before or setpriv:
            script = self.network.directory / "start.sh"
            words = shlex.join(["setpriv", *setpriv, str(programs.sallyport)])
            script.write_text(f'#!/bin/sh\n{before}\nexec {words} "$@"\n')
            script.chmod(0o700)
            programs = Wrapped(programs.build, script)
        sallyport = Sallyport(self.network, programs, services=["web"])
        self.addCleanup(sallyport.stop)
        return sallyport

    @staticmethod
    def about(pid: int, name: str, pattern: str) -> str:
        """about finds the group of `pattern` in /proc/`pid`/`name`."""
        return re.search(pattern, pathlib.Path(f"/proc/{pid}/{name}").read_text(), re.MULTILINE)[1]

    def told(self, sallyport: Sallyport) -> str:
        """told is what the report at start says about secrets."""
        found = re.search(r"^  secrets +(.*)$", sallyport.process.output(), re.MULTILINE)
        self.assertTrue(found, sallyport.process.output())
        return found[1]

    def test_nothing_swaps_out_or_dumps_the_memory(self):
        sallyport = self.start()
        self.assertEqual(self.about(sallyport.process.pid, "limits", r"^Max core file size +(\S+ +\S+)").split(),
                         ["0", "0"])
        if "memory may be swapped out" in self.told(sallyport):
            self.skipTest("here root may not lock memory either: " + self.told(sallyport))
        self.assertGreater(int(self.about(sallyport.process.pid, "status", r"^VmLck:\s+(\d+) kB")), 0)
        self.assertEqual(self.told(sallyport), "locked into memory, kept from core dumps and debuggers")

    def test_no_process_of_the_same_user_reads_the_memory(self):
        # Root could trace anyone: neither side may, so that only the attribute of the process decides.
        sallyport = self.start("", WITHOUT_TRACING)

        def open_memory(pid: int):
            # Opening it takes the right to attach to the process; reading a byte would need an address.
            return command("setpriv", WITHOUT_TRACING, "sh", "-c", f"exec < /proc/{pid}/mem", check=False)
        other = self.network.lan.start("setpriv", WITHOUT_TRACING, "sleep", "60",
                                       log=self.network.directory / "sleep.log")
        self.addCleanup(other.kill)
        if (allowed := open_memory(other.pid)).returncode != 0:
            self.skipTest("here no process may attach to another: " + allowed.stderr.strip())
        refused = open_memory(sallyport.process.pid)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("ermission denied", refused.stderr)

    def test_the_report_says_that_memory_is_not_locked(self):
        sallyport = self.start("ulimit -l 64", WITHOUT_LOCKING)
        capabilities = int(self.about(sallyport.process.pid, "status", r"^CapEff:\s+(\S+)"), 16)
        self.assertFalse(capabilities >> CAP_IPC_LOCK & 1)
        self.assertRegex(self.told(sallyport), "^WARNING: memory may be swapped out .*RLIMIT_MEMLOCK")
        self.assertEqual(self.about(sallyport.process.pid, "limits", r"^Max core file size +(\S+)"), "0")
