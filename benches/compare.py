"""ladderd and ffmpeg make the same four rungs of the same videos, in turns.

    make bench VIDEOS="a.mp4 b.mp4" [RUNS=3]

Prints medians; leaves compare.json and compare.svg under target/bench. On shared machines, CPU
seconds are what to compare: wall time is noisy.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

import quality
import report
from contestants import Appliance, Ffmpeg, FfmpegRuns, Transcode

BASELINE = "ffmpeg veryfast"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--ladderd", default="target/release/ladderd")
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", action="append", help="a contestant's name; may be given again")
    parser.add_argument("--no-quality", action="store_true", help="leave VMAF out: it takes long")
    parser.add_argument("--repeat-to", type=int, metavar="SECS",
                        help="also each video repeated until it is so long, without VMAF")
    return parser.parse_args()


def contestants(told: argparse.Namespace) -> list[Ffmpeg | Transcode]:
    static = imageio_ffmpeg.get_ffmpeg_exe()
    everyone: list[Ffmpeg | Transcode] = [
        Transcode("ladderd", told.ladderd),
        Transcode("ladderd fast", told.ladderd, "fast"),
        Transcode("ladderd best", told.ladderd, "best"),
        Appliance("ladderd serve", told.ladderd),
        Ffmpeg(BASELINE, "ffmpeg", "veryfast"),
        Ffmpeg("ffmpeg medium", "ffmpeg", "medium"),
        Ffmpeg("new ffmpeg veryfast", static, "veryfast"),
        Ffmpeg("new ffmpeg medium", static, "medium"),
        FfmpegRuns("ffmpeg four runs", "ffmpeg", "veryfast"),
    ]
    return [one for one in everyone if not told.only or one.name in told.only]


def repeated(video: Path, secs: int, out: Path) -> Path:
    """The video again and again, its streams unchanged."""
    path = out / f"{video.stem}_{secs}s{video.suffix}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(video), "-t", str(secs),
                    "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", str(path)], check=True)
    return path


def compete(video: Path, told: argparse.Namespace, scratch: Path, with_quality: bool) -> report.Clip:
    """Everyone in turns, so that a slow minute of the machine falls on all of them."""
    everyone = contestants(told)
    entries = {one.name: report.Entry(one.name) for one in everyone}
    log = told.out / "compare.log"
    for run in range(told.runs):
        for one in everyone:
            out = scratch / one.name.replace(" ", "-")
            cost = one.run(video, out, log)
            entries[one.name].costs.append(cost)
            print(f"{video.stem} {run + 1}/{told.runs} {one.name}: {cost.cpu_secs:.1f} CPU s, "
                  f"{cost.wall_secs:.1f} s", flush=True)
            if run == 0 and with_quality and not isinstance(one, Appliance):
                entries[one.name].renditions = judge(one, video, out)
            shutil.rmtree(out)
    return report.Clip(video.stem, list(entries.values()))


def judge(one: Ffmpeg | Transcode, video: Path, out: Path) -> dict[int, quality.Rendition]:
    static = imageio_ffmpeg.get_ffmpeg_exe()
    size = quality.picture_size(static, video)
    playlists = one.renditions(out)
    return {height: quality.measure(static, video, playlist, size) for height, playlist in playlists.items()}


def main() -> None:
    told = arguments()
    told.out.mkdir(parents=True, exist_ok=True)
    clips = []
    # Not under /tmp: it may be memory, which no disk is.
    with tempfile.TemporaryDirectory(dir=told.out) as folder:
        scratch = Path(folder).resolve()
        for video in told.videos:
            clips.append(compete(video, told, scratch, not told.no_quality))
            if told.repeat_to:
                long = repeated(video, told.repeat_to, scratch)
                clips.append(compete(long, told, scratch, False))
    for clip in clips:
        print(f"\n{clip.name}, {os.cpu_count()} cores\n{report.costs(clip, BASELINE)}")
        if any(entry.renditions for entry in clip.entries):
            print(f"\n{report.renditions(clip)}")
    report.save(told.out / "compare.json", clips, {key: str(value) for key, value in vars(told).items()})
    report.plot(told.out / "compare.svg", clips)


if __name__ == "__main__":
    main()
