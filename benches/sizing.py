"""Measure what a machine for ladderd has to have: CPU seconds, memory and bytes for each minute of video.

    make bench-sizing VIDEOS="a.mp4 b.mp4" [RUNS=3]

Each video goes through the whole appliance: upload, encode, check, publish. Prints a table for
docs/explanation/sizing.md; figures are medians.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from contestants import Appliance
from cost import Cost


@dataclass
class Row:
    """One video at one level."""

    video: Path
    level: str
    costs: list[Cost]
    stream_bytes: int


def media(video: Path) -> tuple[str, float]:
    """Description and length in seconds of the first video stream."""
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
         "stream=codec_name,width,height,avg_frame_rate:format=duration", "-of", "json", str(video)],
        check=True, stdout=subprocess.PIPE)
    found = json.loads(said.stdout)
    stream = found["streams"][0]
    over, under = map(int, stream["avg_frame_rate"].split("/"))
    fps = f"{over / under:.4g} fps" if under else "variable rate"
    text = f"{stream['width']} x {stream['height']}, {fps}, {stream['codec_name']}"
    return text, float(found["format"]["duration"])


def measure(video: Path, level: str, options: argparse.Namespace, scratch: Path) -> Row:
    os.environ["LADDERD__ENCODE__LEVEL"] = level
    row = Row(video, level, [], 0)
    for run in range(options.runs):
        out = scratch / "data"
        row.costs.append(Appliance("ladderd serve", options.ladderd).run(video, out, options.log))
        files = sum(path.stat().st_size for path in (out / "blobs").rglob("*") if path.is_file())
        row.stream_bytes = files - video.stat().st_size
        shutil.rmtree(out)
        print(f"{video.stem} {level} {run + 1}/{options.runs}: {row.costs[-1]}", flush=True)
    return row


def table(rows: list[Row]) -> str:
    lines = ["| source | level | CPU s per minute | real-time factor | memory, MiB | stream, MB per minute |",
             "|---|---|---|---|---|---|"]
    for row in rows:
        text, secs = media(row.video)
        cpu = statistics.median(cost.cpu_secs for cost in row.costs) * 60 / secs
        factor = secs / statistics.median(cost.wall_secs for cost in row.costs)
        memory = statistics.median(cost.peak_bytes for cost in row.costs) / (1 << 20)
        stream = row.stream_bytes * 60 / secs / 1e6
        lines.append(f"| {text} | `{row.level}` | {cpu:.0f} | {factor:.2f} | {memory:.0f} | {stream:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--ladderd", default="target/release/ladderd")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--level", action="append", choices=["fast", "balanced", "best"])
    parser.add_argument("--log", type=Path, default=Path("target/bench/sizing.log"))
    options = parser.parse_args()
    options.log.parent.mkdir(parents=True, exist_ok=True)
    # Not under /tmp, which may be a file system in memory.
    with tempfile.TemporaryDirectory(dir=options.log.parent) as folder:
        levels = options.level or ["balanced"]
        rows = [measure(video, level, options, Path(folder).resolve())
                for video in options.videos for level in levels]
    print(f"\n{os.cpu_count()} cores\n\n{table(rows)}")


if __name__ == "__main__":
    main()
