"""The contestants: ladderd, and ffmpeg in the ways that people use it."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import cost
from cost import Cost

# Height in pixels; target bitrate, maximum bitrate and buffer in kbit/s. This ladder is widely copied in
# guides to ffmpeg.
RUNGS = [(1080, 5000, 5350, 7500), (720, 2800, 3000, 4200), (480, 1400, 1500, 2100), (360, 800, 856, 1200)]
HLS = ["-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod", "-hls_flags", "independent_segments"]
AUDIO = ["-c:a", "aac", "-b:a", "128k", "-ac", "2"]


def video_options(preset: str) -> list[str]:
    return ["-c:v", "libx264", "-preset", preset, "-sc_threshold", "0",
            "-force_key_frames", "expr:gte(t,n_forced*2)"]


@dataclass
class Ffmpeg:
    """One command that decodes once and encodes all four rungs."""

    name: str
    program: str
    preset: str

    def run(self, source: Path, out: Path, log: Path) -> Cost:
        fresh(out)
        for index in range(len(RUNGS)):
            (out / str(index)).mkdir()
        names = [f"v{index}" for index in range(len(RUNGS))]
        graph = f"[0:v]split={len(RUNGS)}" + "".join(f"[s{name}]" for name in names)
        command = [self.program, "-nostdin", "-y", "-i", str(source), "-filter_complex"]
        command += [";".join([graph] + [
            f"[s{name}]scale=-2:{rung[0]}[{name}]" for name, rung in zip(names, RUNGS)])]
        for name in names:
            command += ["-map", f"[{name}]", "-map", "0:a:0"]
        command += video_options(self.preset)
        for index, (_, rate, cap, buffer) in enumerate(RUNGS):
            command += [f"-b:v:{index}", f"{rate}k", f"-maxrate:v:{index}", f"{cap}k",
                        f"-bufsize:v:{index}", f"{buffer}k"]
        streams = " ".join(f"v:{index},a:{index}" for index in range(len(RUNGS)))
        command += [*AUDIO, *HLS, "-master_pl_name", "main.m3u8", "-hls_segment_filename",
                    f"{out}/%v/seg%05d.ts", "-var_stream_map", streams, f"{out}/%v/index.m3u8"]
        playlists = [out / "main.m3u8", *(out / str(index) / "index.m3u8" for index in range(len(RUNGS)))]
        return cost.run(command, log, lambda: all(path.exists() for path in playlists))

    def renditions(self, out: Path) -> dict[int, Path]:
        return {rung[0]: out / str(index) / "index.m3u8" for index, rung in enumerate(RUNGS)}


@dataclass
class FfmpegRuns(Ffmpeg):
    """One ffmpeg command per rung, one after the other."""

    def run(self, source: Path, out: Path, log: Path) -> Cost:
        fresh(out)
        total = Cost()
        for index, (height, rate, cap, buffer) in enumerate(RUNGS):
            playlist = out / str(index) / "index.m3u8"
            playlist.parent.mkdir()
            command = [self.program, "-nostdin", "-y", "-i", str(source), "-map", "0:v:0", "-map", "0:a:0",
                       "-vf", f"scale=-2:{height}", *video_options(self.preset), "-b:v", f"{rate}k",
                       "-maxrate", f"{cap}k", "-bufsize", f"{buffer}k", *AUDIO, *HLS,
                       "-hls_segment_filename", f"{playlist.parent}/seg%05d.ts", str(playlist)]
            one = cost.run(command, log, playlist.exists)
            total.wall_secs += one.wall_secs
            total.cpu_secs += one.cpu_secs
            total.peak_bytes = max(total.peak_bytes, one.peak_bytes)
            total.disk_bytes += one.disk_bytes
        total.playable_secs = total.wall_secs
        return total


@dataclass
class Transcode:
    """`ladderd transcode`, from a file to a folder."""

    name: str
    program: str
    level: str = "balanced"

    def run(self, source: Path, out: Path, log: Path) -> Cost:
        fresh(out)
        level = f"LADDERD__ENCODE__LEVEL={self.level}"
        # The other contestants do not check their output either.
        command = ["env", level, self.program, "transcode", "--no-check", str(source), str(out)]
        playlist = out / "main.m3u8"
        return cost.run(command, log, playlist.exists)

    def renditions(self, out: Path) -> dict[int, Path]:
        return {rung[0]: out / f"{rung[0]}p" / "index.m3u8" for rung in RUNGS}


@dataclass
class Appliance(Transcode):
    """The daemon with its embedded store, measured from the end of the upload."""

    def run(self, source: Path, out: Path, log: Path) -> Cost:
        fresh(out)
        command = [self.program, "serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0",
                   "--data-dir", str(out)]
        with log.open("ab") as output:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=output)
        try:
            said = child.stdout.readline().decode()
            api = next(word for word in said.replace("(", " ").split() if word.startswith("http://"))
            return self.upload(api, child.pid, source)
        finally:
            child.terminate()
            child.wait()

    def upload(self, api: str, pid: int, source: Path) -> Cost:
        size = source.stat().st_size
        asked = call(f"{api}/v1/uploads", "POST", json.dumps({
            "filename": source.name, "size_bytes": size, "content_type": "video/mp4"}).encode())
        how, video = asked["upload"], asked["video_id"]
        before = cost.cpu_secs(pid)
        tree = cost.Tree(pid)
        tree.sample()
        if "url" in how:
            put(how["url"], source.read_bytes(), how["headers"])
        else:
            put_parts(api, how, source)
        began, taken = time.monotonic(), Cost()
        while True:
            state = call(f"{api}/v1/videos/{video}")
            now = time.monotonic() - began
            if taken.playable_secs is None and state["playable"]:
                taken.playable_secs = now
            if state["state"] == "ready":
                break
            if state["state"] in ("failed", "cancelled"):
                raise SystemExit(f"the video {source} failed: {state}")
            for _ in range(5):
                tree.sample()
                time.sleep(cost.PAUSE_SECS)
        taken.wall_secs = now
        taken.cpu_secs = cost.cpu_secs(pid) - before
        tree.sample()
        taken.peak_bytes, taken.disk_bytes = tree.peak_bytes, tree.disk_bytes
        return taken


def put(url: str, body: bytes, headers: dict[str, str]) -> str:
    """Sends a PUT and returns the ETag."""
    request = urllib.request.Request(url, body, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.headers["etag"]


def put_parts(api: str, how: dict, source: Path) -> None:
    """Uploads a file in parts, one after the other."""
    tags = []
    with source.open("rb") as file:
        for part in how["parts"]:
            tag = put(part["url"], file.read(how["part_size_bytes"]), {})
            tags.append({"number": part["number"], "etag": tag})
    call(urllib.parse.urljoin(api, how["complete_url"]), "POST", json.dumps({"parts": tags}).encode())


def call(url: str, method: str = "GET", body: bytes | None = None):
    """Sends a request and returns the parsed JSON body, if any."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as response:
        text = response.read()
    return json.loads(text) if text else None


def fresh(out: Path) -> None:
    """Creates an empty folder, in place of an old one."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
