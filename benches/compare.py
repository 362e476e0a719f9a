"""Compare ladderd with ffmpeg: both encode the same four rungs of the same videos, in turns.

    make bench VIDEOS="a.mp4 b.mp4" [RUNS=3]

Prints medians and writes compare.json and compare.svg to target/bench. On shared machines, compare
CPU seconds: wall time is noisy.
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
    parser.add_argument("--only", action="append", help="name of a contestant; may be repeated")
    parser.add_argument("--no-quality", action="store_true", help="skip VMAF, which is slow")
    parser.add_argument("--repeat-to", type=int, metavar="SECS",
                        help="also run each video looped to this length, without VMAF")
    return parser.parse_args()


def contestants(options: argparse.Namespace) -> list[Ffmpeg | Transcode]:
    static = imageio_ffmpeg.get_ffmpeg_exe()
    candidates: list[Ffmpeg | Transcode] = [
        Transcode("ladderd", options.ladderd),
        Transcode("ladderd fast", options.ladderd, "fast"),
        Transcode("ladderd best", options.ladderd, "best"),
        Appliance("ladderd serve", options.ladderd),
        Ffmpeg(BASELINE, "ffmpeg", "veryfast"),
        Ffmpeg("ffmpeg medium", "ffmpeg", "medium"),
        Ffmpeg("new ffmpeg veryfast", static, "veryfast"),
        Ffmpeg("new ffmpeg medium", static, "medium"),
        FfmpegRuns("ffmpeg four runs", "ffmpeg", "veryfast"),
    ]
    return [candidate for candidate in candidates if not options.only or candidate.name in options.only]


def repeated(video: Path, secs: int, out: Path) -> Path:
    """Loops a video to `secs` seconds, without reencoding."""
    path = out / f"{video.stem}_{secs}s{video.suffix}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(video), "-t", str(secs),
                    "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", str(path)], check=True)
    return path


def compare(video: Path, options: argparse.Namespace, scratch: Path, with_quality: bool) -> report.Clip:
    """Runs the contestants in turns, so that a slow minute of the machine affects all of them."""
    candidates = contestants(options)
    entries = {candidate.name: report.Entry(candidate.name) for candidate in candidates}
    log = options.out / "compare.log"
    for run in range(options.runs):
        for candidate in candidates:
            out = scratch / candidate.name.replace(" ", "-")
            cost = candidate.run(video, out, log)
            entries[candidate.name].costs.append(cost)
            print(f"{video.stem} {run + 1}/{options.runs} {candidate.name}: {cost.cpu_secs:.1f} CPU s, "
                  f"{cost.wall_secs:.1f} s", flush=True)
            if run == 0 and with_quality and not isinstance(candidate, Appliance):
                entries[candidate.name].renditions = measure_quality(candidate, video, out)
            shutil.rmtree(out)
    return report.Clip(video.stem, list(entries.values()))


def measure_quality(candidate: Ffmpeg | Transcode, video: Path, out: Path) -> dict[int, quality.Rendition]:
    static = imageio_ffmpeg.get_ffmpeg_exe()
    size = quality.frame_size(static, video)
    playlists = candidate.renditions(out)
    return {height: quality.measure(static, video, playlist, size) for height, playlist in playlists.items()}


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    clips = []
    # Not under /tmp, which may be a file system in memory.
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        scratch = Path(folder).resolve()
        for video in options.videos:
            clips.append(compare(video, options, scratch, not options.no_quality))
            if options.repeat_to:
                long = repeated(video, options.repeat_to, scratch)
                clips.append(compare(long, options, scratch, False))
    for clip in clips:
        print(f"\n{clip.name}, {os.cpu_count()} cores\n{report.costs(clip, BASELINE)}")
        if any(entry.renditions for entry in clip.entries):
            print(f"\n{report.renditions(clip)}")
    report.save(options.out / "compare.json", clips, {key: str(value) for key, value in vars(options).items()})
    report.plot(options.out / "compare.svg", clips)


if __name__ == "__main__":
    main()
