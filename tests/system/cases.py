"""What the system tests share: a class of tests stands on one bed, and each test has a time limit."""
import contextlib
import functools
import signal
import time
import unittest

from appliance import Bed, Programs

DEFAULT_LIMIT = 60


def limit(seconds: int):
    """limit gives a test more time than the default."""
    def mark(function):
        function.limit = seconds
        return function
    return mark


class TooSlow(Exception):
    """The test did not end within its limit."""


class OnBed(unittest.TestCase):
    """OnBed builds one bed for all tests of the class; `settings` go to Bed."""

    programs: Programs
    settings: dict = {}
    standing_connections = 0  # that are open before and after each test
    bed: Bed

    @classmethod
    def setUpClass(cls):
        cls.bed = Bed(cls.programs, "sallytest", **cls.settings)
        cls.addClassCleanup(cls.bed.close)

    @classmethod
    def tearDownClass(cls):
        code = cls.bed.sallyport.stop(40)
        output = cls.bed.sallyport.process.output()
        if code != 0 or "stopped, 0 frames leaked" not in output:
            raise AssertionError(f"Sallyport ended with {code}:\n{output[-4000:]}")

    def run(self, result=None):
        seconds = getattr(getattr(self, self._testMethodName), "limit", DEFAULT_LIMIT)

        def too_slow(*_):
            raise TooSlow(f"not done after {seconds} s")
        before = signal.signal(signal.SIGALRM, too_slow)
        signal.alarm(seconds)
        try:
            return super().run(result)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def tearDown(self):
        self.assertTrue(self.bed.sallyport.process.running(),
                        "Sallyport ended:\n" + self.bed.sallyport.process.output()[-4000:])
        self.wait_until_idle()

    # --- what sallyctl says ----------------------------------------------------------------------

    def in_use(self) -> dict[str, int]:
        """in_use are the gauges of all workers together."""
        return self.bed.sallyport.show("connections")["totals"]

    def open_connections(self) -> int:
        return self.in_use()["connections"]

    def drops(self) -> dict[str, int]:
        reasons = self.bed.sallyport.show("drops")["reasons"]
        return {reason: entry["count"] for reason, entry in reasons.items()}

    def stages(self) -> dict[str, int]:
        stages = self.bed.sallyport.show("handshakes")["stages"]
        return {stage: entry["count"] for stage, entry in stages.items()}

    def failures(self) -> dict[str, int]:
        return self.bed.sallyport.show("handshakes")["failures"]

    def resumptions(self) -> dict[str, int]:
        return self.bed.sallyport.show("handshakes")["resumptions"]

    @contextlib.contextmanager
    def expect_handshakes(self, seconds: float = 10.0, **more: int):
        """expect_handshakes lets each counter of resumptions() that it names rise by exactly so much.

        What is known only when a client has ended may be put into the dictionary that it yields.
        """
        before = self.resumptions()
        yield more

        def rise():
            now = self.resumptions()
            return {name: now[name] - before[name] for name in more}
        deadline = time.monotonic() + seconds
        while rise() != more and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(rise(), more)

    def wait_until(self, condition, what: str, seconds: float = 10.0):
        """wait_until polls; statistics are published a few times a second."""
        deadline = time.monotonic() + seconds
        while not (last := condition()):
            self.assertLess(time.monotonic(), deadline, f"{what} (last: {last!r})")
            time.sleep(0.1)
        return last

    def wait_until_idle(self, seconds: float = 20.0) -> None:
        """wait_until_idle returns when no connection, handshake, job or frame is held any more."""
        def left_over():
            gauges = self.in_use()
            if gauges["connections"] == self.standing_connections > 0:
                return {}
            return {name: gauges[name] for name in ("connections", "handshakes", "jobs", "frames_held")
                    if gauges[name] != 0}
        deadline = time.monotonic() + seconds
        while left := left_over():
            if time.monotonic() > deadline:
                self.fail(f"still held: {left}\n{self.bed.sallyport.sallyctl('show', 'connections')}")
            time.sleep(0.1)


def on_each(**parameters):
    """on_each(name=[...]) runs a test once per value, each as a sub-test."""
    (name, values), = parameters.items()

    def decorate(function):
        @functools.wraps(function)
        def run(self):
            for value in values:
                with self.subTest(**{name: value}):
                    function(self, value)
        return run
    return decorate
