#!/usr/bin/env python3
"""Loads one appliance for up to an hour, and looks for what grows.

    make soak [SCALE=1]

Phases: some jobs to warm up, 300 uploads at once, 2,000 tiny jobs one after another, 500 players beside 2,000 event
streams, then faults in turn (full disk, read-only disk, clock steps, kills), and quiet. SCALE=0.1 does a tenth of
each. Prints a table of what the daemon holds after each phase and writes `soak.csv` and `soak.png`. Fails if a video
is lost, or if memory, descriptors, threads, processes, files or write-ahead logs grow after the warm-up of a phase.
"""

import argparse
import asyncio
import csv
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import growth
from box import Box

SAMPLE_EVERY_SECS = 2
# Longest wait for a video, also after a fault: leases and pauses between tries have to end.
PATIENCE_SECS = 900
# Clock steps in seconds.
STEPS = (3600, -3600, 300, -86400, 0)


class Soak:
    def __init__(self, box, clip, scale):
        self.box, self.clip, self.scale = box, clip, scale
        self.began, self.phases, self.faults, self.ended = time.monotonic(), [], [], False
        # Taken while a daemon is started anew.
        self.lock = threading.Lock()
        threading.Thread(target=self.watch, daemon=True).start()

    def count(self, whole):
        return max(2, round(whole * self.scale))

    def now(self):
        return time.monotonic() - self.began

    def watch(self):
        while True:
            time.sleep(SAMPLE_EVERY_SECS)
            with self.lock:
                if self.phases and not self.ended:
                    self.phases[-1][1].append(self.box.sample(self.now()))

    def phase(self, name, work, *, judged=True):
        print(f"{self.now():6.0f} s  {name}", flush=True)
        with self.lock:
            self.phases.append((name, []))
        work()
        if judged:
            self.faults += growth.faults(name, self.phases[-1][1])

    def upload(self, n):
        """Uploads the clip; tries again while the box refuses it. Returns the id of the video."""
        ends = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                wish = {"filename": f"film-{n}.mp4", "size_bytes": len(self.clip)}
                plan = self.box.call("POST", "/v1/uploads", wish)
                how = plan["upload"]
                put = urllib.request.Request(how["url"], self.clip, how["headers"], method="PUT")
                urllib.request.urlopen(put, timeout=60).read()
                return plan["video_id"]
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(1)

    def wait(self, video):
        """Waits until the video is ready. Whether it became so."""
        ends = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < ends:
            try:
                state = self.box.call("GET", f"/v1/videos/{video}")["state"]
            except urllib.error.HTTPError as error:
                state = error.code if error.code == 404 else "unknown"
            except OSError:
                state = "unknown"
            if state == "ready":
                return True
            if state in ("failed", 404):
                break
            time.sleep(0.1)
        self.faults.append(f"video {video} is {state} after {PATIENCE_SECS} s")
        return False

    def delete(self, videos):
        for first in range(0, len(videos), 100):
            self.box.call("POST", "/v1/videos/delete", {"ids": videos[first:first + 100]})

    def jobs(self, count):
        """Uploads one after the other, each once the one before is ready, and deletes what is old."""
        kept = []
        for n in range(count):
            kept.append(self.upload(n))
            self.wait(kept[-1])
            if len(kept) == 50:
                self.delete(kept)
                kept = []
        self.delete(kept)

    def burst(self):
        count = self.count(300)
        with ThreadPoolExecutor(count) as pool:
            videos = list(pool.map(self.upload, range(count)))
        for video in videos:
            self.wait(video)
        self.delete(videos)

    def viewers(self):
        videos = [self.upload(n) for n in range(10)]
        for video in videos:
            self.wait(video)
        asyncio.run(self.view(videos))
        self.delete(videos)

    async def view(self, videos):
        """Opens players and streams of events, and runs some jobs beside them."""
        stop = asyncio.Event()
        streams = [asyncio.create_task(self.follow(stop)) for _ in range(self.count(2000))]
        players = [asyncio.create_task(self.play(videos[n % len(videos)], stop)) for n in range(self.count(500))]
        ends = time.monotonic() + max(60, 600 * self.scale)
        while time.monotonic() < ends:
            await asyncio.to_thread(self.jobs, 5)
        stop.set()
        results = await asyncio.gather(*streams, *players, return_exceptions=True)
        broken = [result for result in results if isinstance(result, BaseException)]
        if broken:
            self.faults.append(f"{len(broken)} of {len(results)} viewers failed, the first: {broken[0]!r}")

    async def follow(self, stop):
        """Keeps a stream of the events of all videos open."""
        reader, writer = await self.connect(self.box.api, "/v1/events?progress=true", "close")
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stopped.done():
                read = asyncio.create_task(reader.read(1 << 14))
                await asyncio.wait((read, stopped), return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                elif not read.result():
                    raise EOFError("a stream of events ended")
        finally:
            writer.close()

    async def play(self, video, stop):
        """Plays a video again and again: its playlists, then its segments."""
        while not stop.is_set():
            playlist = await self.get(f"/public/{video}/main.m3u8")
            variant = next(line for line in playlist.decode().splitlines() if line and not line.startswith("#"))
            folder = f"/public/{video}/{variant.rsplit('/', 1)[0]}"
            media = (await self.get(f"/public/{video}/{variant}")).decode()
            for line in media.splitlines():
                if line and not line.startswith("#"):
                    await self.get(f"{folder}/{line}")
            await asyncio.sleep(2)

    async def get(self, path):
        """The body of an object of the store, by a connection of its own."""
        reader, writer = await self.connect(self.box.s3, path, "close")
        try:
            head, _, body = (await asyncio.wait_for(reader.read(), 60)).partition(b"\r\n\r\n")
        finally:
            writer.close()
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError(f"{path}: {head[:60]}")
        return body

    @staticmethod
    async def connect(base, path, connection):
        host, port = base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: {connection}\r\n\r\n".encode())
        await writer.drain()
        return reader, writer

    def trouble(self):
        """Uploads go on while faults come and go. None of them may be lost."""
        videos, done = [], threading.Event()

        def keep_uploading():
            while not done.is_set():
                videos.append(self.upload(len(videos)))
                done.wait(1)

        uploader = threading.Thread(target=keep_uploading)
        uploader.start()
        for turn in range(max(4, self.count(20))):
            time.sleep(5)
            print(f"{self.now():6.0f} s    fault {turn + 1}", flush=True)
            kind = turn % 4
            if kind == 0:
                with self.box.fill():
                    time.sleep(8)
            elif kind == 1:
                with self.box.read_only():
                    time.sleep(8)
            elif kind == 2:
                self.box.set_clock(STEPS[turn // 4 % len(STEPS)])
            else:
                with self.lock:
                    self.box.kill()
                    self.box.start()
        self.box.set_clock(0)
        done.set()
        uploader.join()
        for video in videos:
            self.wait(video)
        self.delete(videos)
        print(f"{self.now():6.0f} s    {len(videos)} videos came through", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("target/soak"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        clip = pathlib.Path(folder, "clip.mp4")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-f", "lavfi",
                        "-i", "sine=d=1", "-pix_fmt", "yuv420p", "-shortest", clip], check=True)
        box = Box(options.program, folder, 2048)
        soak = Soak(box, clip.read_bytes(), options.scale)
        try:
            soak.phase("warm-up", lambda: soak.jobs(soak.count(100)), judged=False)
            quiet = lambda: time.sleep(60)
            soak.phase("quiet before", quiet)
            soak.phase("burst", soak.burst, judged=False)
            soak.phase("one by one", lambda: soak.jobs(soak.count(2000)))
            soak.phase("viewers", soak.viewers)
            soak.phase("faults", soak.trouble, judged=False)
            soak.phase("quiet after", quiet)
        except Exception as error:
            soak.faults.append(f"ended early: {error}")
            raise
        finally:
            with soak.lock:
                soak.ended = True
            report(soak, options.output)
            box.stop()
    sys.exit(1 if soak.faults else 0)


def report(soak, output):
    phases = [(name, samples) for name, samples in soak.phases if samples]
    print(growth.table([(name, samples[-1]) for name, samples in phases]))
    last = {name: samples[-1] for name, samples in phases}
    if "quiet before" in last and "quiet after" in last:
        soak.faults += growth.left_over(last["quiet before"], last["quiet after"])
    with open(output / "soak.csv", "w", newline="") as file:
        rows = [{"phase": name} | asdict(sample) for name, samples in phases for sample in samples]
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    growth.plot(phases, output / "soak.png")
    print("\n".join(f"fault: {fault}" for fault in soak.faults) or "nothing grows, nothing is lost")


if __name__ == "__main__":
    main()
