#!/usr/bin/env python3
"""Times the list of videos: makes records of so many videos, then asks for pages, searches and single videos.

    make bench-catalog VIDEOS=100000 [STORE=http://127.0.0.1:5000]

Without STORE, the store is the embedded one. The records are written as the daemon writes them, straight into the
buckets; the catalog finds them at its start. Prints seconds until the API answers, seconds until the catalog is
complete, p50, p95 and p99 of each request, and the memory of the daemon.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

WORDS = """river mountain lesson chapter intro holiday garden winter summer train city night morning talk keynote
workshop physics algebra history music piano guitar drums cooking baking bread forest ocean desert island""".split()


def record(n, bucket):
    """The upload record and the completion record of the video with this number, most of them ready."""
    key = f"in/{n:08d}/film.mp4"
    video = hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()[:20]
    chance = random.Random(n)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + n * 60))
    words = chance.sample(WORDS, 3)
    upload = {
        "id": video, "key": key, "filename": f"{words[0]}_{n:06d}.mp4", "size_bytes": 1 << 20, "is_issued": True,
        "visibility": "public", "created_at": created, "title": " ".join(words).title() + f" {n}",
        "description": f"A {words[1]} about {words[2]}, part {n}", "tags": [words[0], f"group-{n % 100}"],
    }
    rendition = lambda name, bps: {"name": name, "label": name, "width": 640, "height": 360, "segments": 10,
                                   "peak_bps": bps, "average_bps": bps}
    job = {
        "id": video, "filename": upload["filename"], "outcome": "ready", "source_etag": "e", "attempt_id": "a1",
        "attempt": 1, "backend": "cpu", "duration_secs": 60.0, "poster": "a1/poster.jpg",
        "renditions": [rendition(name, bps) for name, bps in
                       (("360p", 800_000), ("480p", 1_400_000), ("720p", 3_000_000), ("1080p", 5_000_000))],
        "timings": {"created_at": created, "started_at": created, "playable_at": created, "finished_at": created},
    }
    return video, upload, job


def put_all(s3, private, public, count):
    def put(n):
        video, upload, job = record(n, private)
        s3.put_object(Bucket=private, Key=f"records/{video}.json", Body=json.dumps(upload))
        if n % 20:
            s3.put_object(Bucket=public, Key=f"{video}/job.json", Body=json.dumps(job))

    with ThreadPoolExecutor(16) as pool:
        for done, _ in enumerate(pool.map(put, range(count), chunksize=64)):
            if done % 10_000 == 0:
                print(f"{done} videos", file=sys.stderr)


class Daemon:
    def __init__(self, program, folder, environment):
        self.folder, self.began = folder, time.monotonic()
        command = [program, "serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir", folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment,
                                        stderr=open(f"{folder}/log", "a"))
        line = self.process.stdout.readline()
        urls = [word.strip("()\n") for word in line.split() if word.strip("(").startswith("http")]
        self.api, self.s3 = urls[0], urls[-1]

    def get(self, path):
        with urllib.request.urlopen(self.api + path, timeout=60) as answer:
            return answer.read()

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(name, daemon, paths):
    times = []
    for path in paths:
        began = time.perf_counter()
        daemon.get(path)
        times.append(1000 * (time.perf_counter() - began))
    cuts = statistics.quantiles(times, n=100)
    print(f"{name:<28} p50 {cuts[49]:7.1f} ms   p95 {cuts[94]:7.1f} ms   p99 {cuts[98]:7.1f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--store")
    parser.add_argument("--requests", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"RUST_LOG": "info", "LADDERD__HTTP__REQUESTS_PER_SEC": "0"}
        private, public = "uploads", "public"
        if options.store:
            keys = {"access_key_id": "test", "secret_access_key": "test"}
            environment |= {
                "LADDERD__STORE__KIND": "s3", "LADDERD__STORE__ENDPOINT": options.store,
                "LADDERD__STORE__PRIVATE_BUCKET": private, "LADDERD__STORE__PUBLIC_BUCKET": public,
                "LADDERD__QUEUE__KIND": "embedded", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "us-east-1",
            }
            endpoint = options.store
        else:
            # The first start makes the buckets and their keys.
            daemon = Daemon(options.program, folder, environment)
            keys = json.loads(pathlib.Path(f"{folder}/credentials.json").read_text())
            endpoint = daemon.s3
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                          aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"],
                          config=Config(max_pool_connections=32, s3={"addressing_style": "path"}))
        if options.store:
            for bucket in (private, public):
                s3.create_bucket(Bucket=bucket)
        began = time.monotonic()
        put_all(s3, private, public, options.videos)
        print(f"{options.videos} videos written in {time.monotonic() - began:.0f} s")
        if not options.store:
            daemon.stop()
        daemon = Daemon(options.program, folder, environment)
        try:
            daemon.get("/healthz")
            print(f"/healthz answers after {time.monotonic() - daemon.began:.2f} s, "
                  f"with {daemon.resident_mib():.0f} MiB")
            while not json.loads(daemon.get("/v1/videos?limit=1"))["is_complete"]:
                time.sleep(1)
            print(f"the catalog is complete after {time.monotonic() - daemon.began:.0f} s, "
                  f"with {daemon.resident_mib():.0f} MiB")
            report(daemon, options)
            size = sum(path.stat().st_size for path in pathlib.Path(folder).glob("catalog.sqlite*"))
            print(f"memory {daemon.resident_mib():.0f} MiB, catalog {size / 2**20:.0f} MiB")
        finally:
            daemon.stop()
        daemon = Daemon(options.program, folder, environment)
        try:
            daemon.get("/healthz")
            print(f"started anew: /healthz after {time.monotonic() - daemon.began:.2f} s")
        finally:
            daemon.stop()


def report(daemon, options):
    chance, count = random.Random(7), options.requests
    measure("first page", daemon, ["/v1/videos"] * count)
    deep, cursor = [], ""
    for _ in range(count):
        page = f"/v1/videos?limit=200{cursor}"
        deep.append(page)
        following = json.loads(daemon.get(page)).get("next")
        cursor = f"&cursor={following}" if following else ""
    measure("pages of 200, one by one", daemon, deep)
    pick = lambda: chance.choice(WORDS)
    measure("search of one word", daemon, [f"/v1/videos?q={pick()}" for _ in range(count)])
    measure("search of two words", daemon, [f"/v1/videos?q={pick()}+{pick()}" for _ in range(count)])
    measure("search of a rare word", daemon, [f"/v1/videos?q={chance.randrange(options.videos)}" for _ in range(count)])
    measure("by tag", daemon, [f"/v1/videos?tag=group-{chance.randrange(100)}" for _ in range(count)])
    measure("by state", daemon, ["/v1/videos?state=ready"] * count)
    measure("by title", daemon, ["/v1/videos?sort=title"] * count)
    videos = [record(chance.randrange(options.videos), "uploads")[0] for _ in range(count)]
    measure("one video", daemon, [f"/v1/videos/{video}" for video in videos])


if __name__ == "__main__":
    main()
