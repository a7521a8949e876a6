"""What the host of a virtual machine takes from it."""
import os
import pathlib

CPUS = sorted(os.sched_getaffinity(0))


def stolen(cpus=CPUS) -> float:
    """stolen is the time, in seconds, in which these CPUs had work but no host, since the machine began."""
    rows = [line.split() for line in pathlib.Path("/proc/stat").read_text().splitlines()]
    names = {f"cpu{cpu}" for cpu in cpus}
    return sum(int(row[8]) for row in rows if row[0] in names) / os.sysconf("SC_CLK_TCK")
