#!/usr/bin/env python3
"""Times the list of videos: makes records of so many videos, then asks for pages, searches and single videos.

    make bench-catalog VIDEOS=100000 [STORE=http://127.0.0.1:5000]

Without STORE, the store is the embedded one. The records are written as the daemon writes them, straight into the
buckets; the catalog finds them at its start. Prints seconds until the API answers, seconds until the catalog is
complete, p50, p95 and p99 of each request, the memory of the daemon before and after them, and the requests by which
an idle box polls its store. Fails if a p95 is above 50 ms, or a start takes longer than 1 s.
"""

import argparse
import collections
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from box import announced

WORDS = """river mountain lesson chapter intro holiday garden winter summer train city night morning talk keynote
workshop physics algebra history music piano guitar drums cooking baking bread forest ocean desert island""".split()


# Goals.
MOST_MS, MOST_START_SECS = 50, 1
# Goals that were missed.
FAULTS = []


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
        "external_id": f"ext-{n}",
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


class Store:
    """PUTs to an S3 store, signed here: boto3 takes longer for one than the store."""

    def __init__(self, endpoint, keys):
        self.host, self.keys = urllib.parse.urlsplit(endpoint).netloc, keys
        self.local = threading.local()

    def put(self, path, body=b""):
        now = datetime.datetime.now(datetime.timezone.utc)
        day, moment = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.host, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": moment}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"PUT\n{path}\n\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
        scope = f"{day}/us-east-1/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = ("AWS4" + self.keys["secret_access_key"]).encode()
        for part in (day, "us-east-1", "s3", "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.keys['access_key_id']}/{scope}, "
                                    f"SignedHeaders={names}, Signature={key.hex()}")
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.local.connection.request("PUT", path, body, headers)
        answer = self.local.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text


def put_all(store, private, public, count):
    def put(n):
        video, upload, job = record(n, private)
        store.put(f"/{private}/records/{video}.json", json.dumps(upload).encode())
        if n % 20:
            store.put(f"/{public}/{video}/job.json", json.dumps(job).encode())

    with ThreadPoolExecutor(16) as pool:
        for done, _ in enumerate(pool.map(put, range(count), chunksize=64)):
            if done % 10_000 == 0:
                print(f"{done} videos", file=sys.stderr)


class CountingProxy:
    """Passes connections on to a store and counts the requests in them, by method and beginning of the path."""

    REQUEST = re.compile(rb"^(GET|PUT|HEAD|POST|DELETE) (\S+) HTTP/1.1\r\n", re.MULTILINE)

    def __init__(self, endpoint):
        self.target = urllib.parse.urlsplit(endpoint)
        self.counts = collections.Counter()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection((self.target.hostname, self.target.port))
            threading.Thread(target=self.copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, False), daemon=True).start()

    def copy(self, source, to, counts):
        try:
            while data := source.recv(1 << 16):
                for method, path in self.REQUEST.findall(data) if counts else ():
                    self.counts[self.kind(method.decode(), path.decode())] += 1
                to.sendall(data)
        except OSError:
            pass
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def kind(method, path):
        url = urllib.parse.urlsplit(path)
        prefix = urllib.parse.parse_qs(url.query).get("prefix", [""])[0]
        place = prefix or url.path.split("/", 2)[-1]
        return f"{'LIST' if 'list-type' in url.query else method} {place.split('/')[0] or url.path}"


class Daemon:
    def __init__(self, program, folder, environment):
        self.folder, self.began = folder, time.monotonic()
        command = [program, "serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir", folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment,
                                        stderr=open(f"{folder}/log", "a"))
        self.api, self.s3 = announced(self.process, f"{folder}/log")

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
    note = ""
    if cuts[94] > MOST_MS:
        note = "   TOO SLOW"
        FAULTS.append(f"{name}: p95 {cuts[94]:.1f} ms")
    print(f"{name:<36} p50 {cuts[49]:7.1f} ms   p95 {cuts[94]:7.1f} ms   p99 {cuts[98]:7.1f} ms{note}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--store")
    parser.add_argument("--data", help="folder for the data, which stays; one that has them is not written again")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--idle", type=int, default=180, help="seconds for which an idle box is watched")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.data or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        written = pathlib.Path(folder, "written")
        environment = {"RUST_LOG": "info", "LADDERD__HTTP__REQUESTS_PER_SEC": "0"}
        private, public = "uploads", "public"
        if options.store:
            keys = {"access_key_id": "test", "secret_access_key": "test"}
            environment |= {
                "LADDERD__STORE__KIND": "s3", "LADDERD__STORE__ENDPOINT_URL": options.store,
                "LADDERD__STORE__PATH_STYLE": "true", "LADDERD__STORE__REGION": "us-east-1",
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
        store = Store(endpoint, keys)
        if options.store:
            for bucket in (private, public):
                store.put(f"/{bucket}")
        if not written.exists():
            began = time.monotonic()
            put_all(store, private, public, options.videos)
            written.touch()
            print(f"{options.videos} videos written in {time.monotonic() - began:.0f} s")
        if not options.store:
            daemon.stop()
        # It was made while the buckets were empty, or has all videos.
        for file in pathlib.Path(folder).glob("catalog.sqlite*"):
            file.unlink()
        proxy = CountingProxy(options.store) if options.store else None
        if proxy:
            environment["LADDERD__STORE__ENDPOINT_URL"] = proxy.endpoint
        daemon = Daemon(options.program, folder, environment)
        try:
            start_of(daemon, "first start")
            while not json.loads(daemon.get("/v1/videos?limit=1"))["is_complete"]:
                time.sleep(1)
            total = json.loads(daemon.get("/v1/videos?limit=1"))["total"]
            print(f"the catalog is complete after {time.monotonic() - daemon.began:.0f} s, with {total} videos and "
                  f"{daemon.resident_mib():.0f} MiB")
            report(daemon, options)
            before = daemon.resident_mib()
            report(daemon, options)
            size = sum(path.stat().st_size for path in pathlib.Path(folder).glob("catalog.sqlite*"))
            print(f"memory {before:.0f} MiB after the first round of requests, {daemon.resident_mib():.0f} MiB after "
                  f"the second; catalog {size / 2**20:.0f} MiB")
        finally:
            daemon.stop()
        daemon = Daemon(options.program, folder, environment)
        try:
            start_of(daemon, "started anew")
            idle(daemon, proxy, options.idle)
        finally:
            daemon.stop()
    print("\n".join(f"missed: {fault}" for fault in FAULTS) or "all goals are met")
    sys.exit(1 if FAULTS else 0)


def start_of(daemon, name):
    daemon.get("/healthz")
    secs = time.monotonic() - daemon.began
    print(f"{name}: /healthz answers after {secs:.2f} s, with {daemon.resident_mib():.0f} MiB")
    if secs > MOST_START_SECS:
        FAULTS.append(f"{name}: {secs:.2f} s until /healthz answers")


def idle(daemon, proxy, secs):
    """Prints the requests to the store of a box that has nothing to do."""
    # The comparison at the start is none of them.
    time.sleep(min(secs, 20))
    counted = lambda: proxy.counts.copy() if proxy else requests_of(daemon)
    before = counted()
    time.sleep(secs)
    minutes = secs / 60
    made = counted() - before
    print(f"idle: {made.total() / minutes:.1f} requests to the store per minute, with {daemon.resident_mib():.0f} MiB: "
          + ", ".join(f"{kind} {count / minutes:.1f}" for kind, count in made.most_common()))


def requests_of(daemon):
    """Requests to the embedded store, by who sent them."""
    lines = daemon.get("/metrics").decode().splitlines()
    found = (re.fullmatch(r'ladderd_embedded_requests_total\{client="(\w+)"\} (\d+)', line) for line in lines)
    return collections.Counter({match[1]: int(match[2]) for match in found if match})


def day(n):
    """The time at which the video with this number was made."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + n * 60))


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
    pick, group = lambda: chance.choice(WORDS), lambda: f"group-{chance.randrange(100)}"
    number = lambda: chance.randrange(options.videos)
    # Name and path of each request; the paths hold different words each time.
    kinds = {
        "search of one word": lambda: f"q={pick()}",
        "search of one word, by title": lambda: f"q={pick()}&sort=title",
        "search of two words": lambda: f"q={pick()}+{pick()}",
        "search of three letters": lambda: f"q={pick()[:3]}",
        "search of two letters": lambda: f"q={pick()[:2]}",
        "search of one letter": lambda: f"q={pick()[:1]}",
        "search of a rare word": lambda: f"q={number()}",
        "search of nothing": lambda: "q=zzz",
        "search with a tag": lambda: f"q={pick()}&tag={group()}",
        "search with a state": lambda: f"q={pick()}&state=ready",
        "search with a rare state": lambda: f"q={pick()}&state=failed",
        "by tag": lambda: f"tag={group()}",
        "by a frequent tag": lambda: f"tag={pick()}",
        "by a frequent tag and title": lambda: f"tag={pick()}&sort=title",
        "by tag and state": lambda: f"tag={pick()}&state=uploading",
        "by state": lambda: "state=ready",
        "by a rare state": lambda: "state=uploading",
        "all states but one": lambda: "state=uploading,queued,waiting,running,ready,failed",
        "by two states": lambda: "state=ready,uploading",
        "by two states and title": lambda: "state=ready,uploading&sort=title",
        "by title": lambda: "sort=title",
        "by title, downwards": lambda: "sort=-title",
        "oldest first": lambda: "sort=created",
        "created before a time": lambda: f"created_before={day(number())}",
        "created after a time, by title": lambda: f"created_after={day(number())}&sort=title",
        "by external id": lambda: f"external_id=ext-{number()}",
    }
    for name, path in kinds.items():
        measure(name, daemon, [f"/v1/videos?{path()}" for _ in range(count)])
    by_title, cursor = [], ""
    for _ in range(count):
        by_title.append(f"/v1/videos?limit=200&sort=title{cursor}")
        following = json.loads(daemon.get(by_title[-1])).get("next")
        cursor = f"&cursor={following}" if following else ""
    measure("pages of 200 by title", daemon, by_title)
    videos = [record(chance.randrange(options.videos), "uploads")[0] for _ in range(count)]
    measure("one video", daemon, [f"/v1/videos/{video}" for video in videos])


if __name__ == "__main__":
    main()
