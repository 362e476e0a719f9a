"""One appliance under observation: its processes, files and disk, and the faults that it can be given."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

CLOCK = pathlib.Path(__file__).parent.parent / "tests/it/support/clock.c"
LADDER = "[[ladder]]\nheight = 180\nmax_bitrate_kbps = 300\n"


@dataclass
class Sample:
    """What the appliance holds at one moment."""

    secs: float
    rss_mib: float
    descriptors: int
    threads: int
    # Workers and their helpers.
    children: int
    # Files that belong to no object: of uploads that go on, and temporary ones.
    incoming: int
    temporary: int
    wal_mib: float
    disk_mib: float


class Box:
    """A daemon on a disk of its own. Needs the right to mount; run it in a mount namespace."""

    def __init__(self, program, folder, disk_mib):
        self.program, self.folder = program, pathlib.Path(folder)
        self.data, self.temporary = self.folder / "data", self.folder / "tmp"
        for path in (self.data, self.temporary):
            path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={disk_mib}m", "soak", self.data)
        self.library, self.offset = self.folder / "clock.so", self.folder / "offset"
        run("cc", "-shared", "-fPIC", "-O2", "-o", self.library, CLOCK)
        self.set_clock(0)
        (self.folder / "ladderd.toml").write_text(LADDER)
        self.ports = (0, 0)
        self.start()

    def start(self):
        environment = {
            "RUST_LOG": "warn", "TMPDIR": str(self.temporary), "LADDERD__HTTP__REQUESTS_PER_SEC": "0",
            "LADDERD__EMBEDDED__MIN_FREE_BYTES": str(16 << 20), "LADDERD__JOBS__MAX_RUNNING": "2",
            "LADDERD__UPLOADS__MAX_IN_FLIGHT": "1000",
            "LD_PRELOAD": str(self.library), "CHAOS_CLOCK": str(self.offset),
        }
        listen = [f"127.0.0.1:{port}" for port in self.ports]
        command = [self.program, "serve", "--config", self.folder / "ladderd.toml", "--listen", listen[0],
                   "--s3-listen", listen[1], "--data-dir", self.data]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment,
                                        stderr=open(self.folder / "log", "a"))
        self.api, self.s3 = announced(self.process, self.folder / "log")
        # It keeps its ports for the next start: players come back to them.
        self.ports = tuple(int(url.rsplit(":", 1)[1]) for url in (self.api, self.s3))
        while not self.is_ready():
            time.sleep(0.1)

    def is_ready(self):
        try:
            return urllib.request.urlopen(self.api + "/readyz", timeout=10).status == 200
        except urllib.error.HTTPError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends the daemon in good order and its disk."""
        self.process.terminate()
        self.process.wait()
        run("umount", "-l", self.data)

    def set_clock(self, secs):
        """Moves the wall clock of the daemon. A file that is replaced would stay unseen: it is mapped."""
        with open(self.offset, "r+b" if self.offset.exists() else "wb") as file:
            file.write(struct.pack("=q", secs))

    def fill(self):
        """Takes all free space, and gives it back at the end of the block."""
        return Full(self.data / "ballast")

    def read_only(self):
        """Refuses writes to files that are opened from now on, until the end of the block."""
        return ReadOnly(self.data, self.folder / "read-only")

    def call(self, method, path, body=None, timeout=60):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def sample(self, secs):
        process = pathlib.Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        count = lambda folder: sum(len(files) for _, _, files in os.walk(folder))
        logs = self.data.glob("*-wal")
        blocks = os.statvfs(self.data)
        return Sample(
            secs=secs,
            rss_mib=int(status["VmRSS"].split()[0]) / 1024,
            descriptors=len(os.listdir(process / "fd")),
            threads=int(status["Threads"]),
            children=len(descendants(self.process.pid)),
            incoming=count(self.data / "incoming"),
            temporary=count(self.temporary),
            wal_mib=sum(path.stat().st_size for path in logs) / 2**20,
            disk_mib=(blocks.f_blocks - blocks.f_bfree) * blocks.f_frsize / 2**20,
        )


class Full:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        try:
            with open(self.path, "wb", buffering=0) as file:
                while file.write(bytes(1 << 20)):
                    pass
        except OSError:
            pass

    def __exit__(self, *_):
        self.path.unlink()


class ReadOnly:
    def __init__(self, path, aside):
        self.path, self.aside = path, aside

    def __enter__(self):
        # Made aside: the daemon would open files for writing before the mount is read-only, which keeps it writable.
        self.aside.mkdir(exist_ok=True)
        run("mount", "--bind", self.path, self.aside)
        run("mount", "-o", "remount,bind,ro", self.aside)
        run("mount", "--move", self.aside, self.path)

    def __exit__(self, *_):
        run("umount", "-l", self.path)


def announced(process, log):
    """The URLs of API and store that a daemon prints once it listens. Ends this program if it does not start."""
    line = process.stdout.readline()
    urls = [word.strip("()\n") for word in line.split() if word.strip("(").startswith("http")]
    if not urls:
        sys.exit(pathlib.Path(log).read_text()[-2000:])
    return urls[0], urls[-1]


def run(*command):
    subprocess.run([str(word) for word in command], check=True)


def descendants(pid):
    """Processes that this one started, and theirs."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


