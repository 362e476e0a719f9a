"""Time from the end of an upload until the video plays, with the steps on the way.

    make bench-first-frame VIDEO=film.mp4 [RUNS=10] [OPTIONS="--delay-ms 30"]

Makes sources of 10 s, 3 min and 2 h of one video without encoding and uploads them to an appliance, again and again. Prints
medians: until the first segment answers, and of each step of the traces. With --delay-ms, the appliance runs on S3 and SQS
(moto of target/tools), and a proxy holds each request for that time. With --queue, a queue of that many copies of the video
is timed instead. Several programs are measured in turns.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path

from contestants import call, put, put_parts

MOTO = Path(__file__).parent.parent / "target/tools/moto/bin/python3"
REGION = "eu-central-1"


def looped(video, secs, folder):
    """A file of `secs` that repeats the video, with its index in front."""
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", video]
    length = float(subprocess.run(probe, check=True, stdout=subprocess.PIPE, text=True).stdout)
    out = folder / f"{secs}.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", str(int(secs / length)), "-i", video, "-t", str(secs),
                    "-c", "copy", "-movflags", "+faststart", out], check=True)
    return out


class Delay:
    """A proxy in front of a server that holds each request for some time."""

    def __init__(self, port, secs):
        self.target, self.secs, ready = port, secs, threading.Event()

        def serve():
            loop = asyncio.new_event_loop()
            server = loop.run_until_complete(asyncio.start_server(self.connected, "127.0.0.1", 0, limit=1 << 20))
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            loop.run_forever()

        threading.Thread(target=serve, daemon=True).start()
        ready.wait()

    async def connected(self, client, to_client):
        server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        # A request begins with the first bytes from the client after an answer.
        answered = True

        async def requests():
            nonlocal answered
            while data := await client.read(1 << 18):
                if answered:
                    answered = False
                    await asyncio.sleep(self.secs)
                to_server.write(data)
                await to_server.drain()
            to_server.close()

        async def answers():
            nonlocal answered
            while data := await server.read(1 << 18):
                answered = True
                to_client.write(data)
                await to_client.drain()
            to_client.close()

        await asyncio.gather(requests(), answers(), return_exceptions=True)


class Store:
    """S3 and SQS by moto, behind a delay."""

    def __init__(self, folder, delay_ms):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {"S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}
        command = [MOTO, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(self.url + "/moto-api/").close()
                break
            time.sleep(0.1)
        queue = self.sqs("CreateQueue", {"QueueName": "jobs"})["QueueUrl"]
        place = f'<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>'
        for bucket in ("uploads", "public"):
            self.s3(f"/{bucket}", place)
        allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::public/*"}
        self.s3("/public?policy", json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
        rule = "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter>"
        self.s3("/uploads?notification", "<NotificationConfiguration><QueueConfiguration>"
                f"<Queue>arn:aws:sqs:{REGION}:123456789012:jobs</Queue><Event>s3:ObjectCreated:*</Event>{rule}"
                "</QueueConfiguration></NotificationConfiguration>")
        delay = Delay(port, delay_ms / 1000)
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION,
            "LADDERD__STORE__KIND": "s3", "LADDERD__STORE__ENDPOINT_URL": delay.url, "LADDERD__STORE__PATH_STYLE": "true",
            "LADDERD__STORE__PRIVATE_BUCKET": "uploads", "LADDERD__STORE__PUBLIC_BUCKET": "public",
            "LADDERD__STORE__PUBLIC_BASE_URL": f"{self.url}/public", "LADDERD__STORE__UPLOAD_BASE_URL": self.url,
            "LADDERD__QUEUE__KIND": "sqs", "LADDERD__QUEUE__ENDPOINT_URL": delay.url, "LADDERD__QUEUE__URL": queue,
            "LADDERD__SOURCES__PREFIX": "in/",
        }

    def signed(self, service):
        """Headers from which moto takes service and region."""
        scope = f"test/20260101/{REGION}/{service}/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        return {"authorization": signed, "content-type": "application/xml"}

    def s3(self, path, body):
        put(self.url + path, body.encode(), self.signed("s3"))

    def sqs(self, action, body):
        headers = {"x-amz-target": f"AmazonSQS.{action}"}
        request = urllib.request.Request(self.url, json.dumps(body).encode(), method="POST",
                                         headers=self.signed("sqs") | headers | {"content-type": "application/x-amz-json-1.0"})
        return json.loads(urllib.request.urlopen(request).read())

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Box:
    """One appliance."""

    def __init__(self, program, folder, environment):
        self.folder = folder
        folder.mkdir()
        command = [program, "serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir", folder / "data"]
        environment = {"LADDERD__HTTP__REQUESTS_PER_SEC": "0"} | environment
        log = (folder / "log").open("w")
        self.process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=log, text=True)
        said = self.process.stdout.readline()
        self.api = next((word for word in said.replace("(", " ").split() if word.startswith("http://")), None)
        if self.api is None:
            raise SystemExit((folder / "log").read_text()[-2000:])
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(self.api + "/readyz").close()
                return
            time.sleep(0.05)

    def upload(self, source):
        """Uploads a file. Returns its id, and the time at which the upload ended."""
        asked = {"filename": source.name, "size_bytes": source.stat().st_size, "content_type": "video/mp4"}
        answer = call(self.api + "/v1/uploads", "POST", json.dumps(asked).encode())
        how = answer["upload"]
        if "url" in how:
            put(how["url"], source.read_bytes(), how["headers"])
        else:
            put_parts(self.api, how, source)
        return answer["video_id"], time.monotonic()

    def first_frame(self, source):
        """Seconds from the end of the upload until the first segment answers, and the id of the video."""
        video, began = self.upload(source)
        main = self.video(video)["playback_url"]
        while True:
            with contextlib.suppress(urllib.error.HTTPError):
                media = urllib.parse.urljoin(main, uri(main))
                fetch(urllib.parse.urljoin(media, uri(media)))
                return time.monotonic() - began, video
            time.sleep(0.01)

    def video(self, video):
        return call(f"{self.api}/v1/videos/{video}")

    def end(self, video):
        """Waits for the end of a job. Returns the video."""
        while True:
            shown = self.video(video)
            if shown["state"] == "ready":
                return shown
            if shown["state"] in ("failed", "cancelled"):
                raise SystemExit(f"{video} {shown['state']}: {shown.get('error')}")
            time.sleep(0.05)

    def trace(self, video):
        with contextlib.suppress(urllib.error.HTTPError):
            return call(f"{self.api}/v1/videos/{video}/trace")["spans"]
        return []

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        data = answer.read()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def uri(playlist):
    """The first URI of a playlist."""
    lines = fetch(playlist).decode().splitlines()
    return next(line for line in lines if line and not line.startswith("#"))


def steps(traces):
    """Medians of the begin and the duration of each step, in the order of their begins."""
    times = {}
    for spans in traces:
        for span in spans:
            name = " ".join(filter(None, (span["step"], span.get("rendition"))))
            times.setdefault(name, []).append((span["start_ms"], span["end_ms"] - span["start_ms"]))
    rows = [(*map(statistics.median, zip(*found)), name) for name, found in times.items()]
    return [f"    {name:<28} {begin:9.1f} {took:9.1f}" for begin, took, name in sorted(rows)]


def measure(options, scratch):
    found = {}
    sources = [(secs, looped(options.video, secs, scratch)) for secs in options.lengths]
    for run in range(options.runs):
        for secs, source in sources:
            for program in options.programs:
                store = Store(scratch, options.delay_ms) if options.delay_ms else None
                box = Box(program, scratch / "box", store.environment if store else {})
                # The first job of a process finds cold caches.
                box.end(box.upload(options.warm)[0])
                took, video = box.first_frame(source)
                spans = box.trace(video)
                found.setdefault((secs, program), []).append((took, spans))
                box.stop()
                if store:
                    store.stop()
                print(f"{secs} s, {program}, run {run + 1}: {took:.3f} s", flush=True)
    for (secs, program), runs in found.items():
        took = [took for took, _ in runs]
        print(f"\n{secs} s, {program}: median {statistics.median(took):.3f} s of {sorted(round(t, 2) for t in took)}")
        print("\n".join(steps(spans for _, spans in runs if spans)))


def queue(options, scratch):
    found = {}
    parse = lambda text: datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()
    for run in range(options.runs):
        for program in options.programs:
            box = Box(program, scratch / "box", {})
            box.end(box.upload(options.video)[0])
            videos = [box.upload(options.video)[0] for _ in range(options.queue)]
            timings = [box.end(video)["timings"] for video in videos]
            begin, end = min(parse(t["started_at"]) for t in timings), max(parse(t["finished_at"]) for t in timings)
            cost = (end - begin) / options.queue
            found.setdefault(program, []).append((cost, box.trace(videos[-1])))
            box.stop()
            print(f"{program}, run {run + 1}: {cost:.3f} s each", flush=True)
    for program, runs in found.items():
        print(f"\n{program}: median {statistics.median(cost for cost, _ in runs):.3f} s each")
        print("\n".join(steps(spans for _, spans in runs)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--programs", nargs="+", default=["target/release/ladderd"])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--lengths", type=int, nargs="+", default=[10, 180, 7200], help="seconds")
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--queue", type=int, default=0, help="time a queue of so many copies of the video instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        options.warm = scratch / "warm.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-t", "1", "-pix_fmt",
                        "yuv420p", options.warm], check=True)
        (queue if options.queue else measure)(options, scratch)


if __name__ == "__main__":
    main()
