"""Cost of a command: CPU and wall time in seconds, peak memory and bytes written to disk."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Interval between samples. Shorter ones would slow down the measured process.
PAUSE_SECS = 0.1
# Interval between samples of memory. The kernel walks all pages of a process for one: 10 ms for
# 500 MiB.
MEMORY_SECS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """Cost of one run. `peak_bytes` is the peak of the summed proportional set sizes of its processes,
    which count shared pages once; `disk_bytes` is the sum of the bytes that they wrote to disk."""

    wall_secs: float = 0.0
    cpu_secs: float = 0.0
    peak_bytes: int = 0
    disk_bytes: int = 0
    playable_secs: float | None = None

    @property
    def busy(self) -> float:
        """Mean share of the machine's cores that was busy, 0 to 1."""
        return self.cpu_secs / (self.wall_secs * len(os.sched_getaffinity(0)))


@dataclass
class Tree:
    """A process and its descendants, sampled repeatedly."""

    root: int
    peak_bytes: int = 0
    memory_due: float = 0.0
    written: dict[int, int] = field(default_factory=dict)

    def sample(self) -> None:
        """Records the bytes written by each process and, every `MEMORY_SECS`, their memory."""
        pids = self.pids()
        for pid in pids:
            try:
                io = Path(f"/proc/{pid}/io").read_text()
            except OSError:
                continue
            counts = dict(line.split(": ") for line in io.splitlines())
            self.written[pid] = int(counts["write_bytes"])
        if time.monotonic() >= self.memory_due:
            self.memory_due = time.monotonic() + MEMORY_SECS
            self.peak_bytes = max(self.peak_bytes, sum(map(resident_bytes, pids)))

    def pids(self) -> list[int]:
        """Ids of the root and its living descendants."""
        found = [self.root]
        for pid in found:
            try:
                threads = os.listdir(f"/proc/{pid}/task")
            except OSError:
                continue
            for thread in threads:
                try:
                    children = Path(f"/proc/{pid}/task/{thread}/children").read_text()
                except OSError:
                    continue
                found.extend(int(child) for child in children.split())
        return found

    @property
    def disk_bytes(self) -> int:
        return sum(self.written.values())


def resident_bytes(pid: int) -> int:
    """Proportional set size of a process; 0 once it has ended."""
    try:
        memory = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in memory.splitlines() if line.startswith("Pss:"))


def cpu_secs(pid: int) -> float:
    """User and system time of a living process and of the children that it has waited for, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def run(command: list[str], log: Path, is_playable: Callable[[], bool]) -> Cost:
    """Runs a command to its end. Polls `is_playable` until it returns true, to time the first playable stream."""
    began = time.monotonic()
    cost = Cost()
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        # wait4 reports the usage of this child only; Popen.wait would discard it.
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    tree = Tree(child.pid)
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if cost.playable_secs is None and is_playable():
            cost.playable_secs = time.monotonic() - began
        if pid:
            break
        tree.sample()
        time.sleep(PAUSE_SECS)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"exit status {child.returncode}, see {log}: {' '.join(command)}")
    cost.wall_secs = time.monotonic() - began
    cost.cpu_secs = usage.ru_utime + usage.ru_stime
    cost.peak_bytes = tree.peak_bytes
    cost.disk_bytes = tree.disk_bytes
    return cost
