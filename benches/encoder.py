"""Measure cost and quality of x264 options on one rung: the basis of the settings in pipelines/.

    target/bench/venv/bin/python3 benches/encoder.py film.mp4 1080 \\
        "veryfast" "superfast crf=19:bframes=3:b-adapt=0:rc-lookahead=10:threads=1"

Each candidate is a preset and x264 options; without crf= it encodes at the target bitrate of the rung.
Maximum bitrate and buffer are those of benches/contestants.py. Prints CPU seconds of the encoder alone
(minimum of the runs), kbit/s, mean VMAF and mean VMAF of the worst 1 % of the frames.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import cost
import imageio_ffmpeg
import quality
from contestants import RUNGS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("height", type=int, choices=[rung[0] for rung in RUNGS])
    parser.add_argument("candidates", nargs="+", metavar="PRESET[ OPTIONS]")
    parser.add_argument("--start", default="0", help="start within the video, in seconds")
    parser.add_argument("--secs", default="20", help="length, in seconds")
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


def raw_frames(source: Path, options: argparse.Namespace, height: int, out: Path) -> Path:
    """Decodes and scales a part of the video to raw frames, so that the run measures only the encoder."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-ss", options.start, "-i", str(source), "-t", options.secs,
               "-an", "-vf", f"scale=-2:{height}:flags=lanczos", "-pix_fmt", "yuv420p", str(out)]
    subprocess.run(command, check=True)
    return out


def encoder(frames: Path, candidate: str, height: int, out: list[str]) -> list[str]:
    preset, _, options = candidate.partition(" ")
    _, rate, cap, buffer = next(rung for rung in RUNGS if rung[0] == height)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(frames), "-c:v", "libx264", "-preset", preset]
    if "crf=" not in options:
        command += ["-b:v", f"{rate}k"]
    fixed = f"vbv-maxrate={cap}:vbv-bufsize={buffer}:scenecut=0:open-gop=0"
    return [*command, "-x264-params", f"{fixed}:{options}".rstrip(":"), "-force_key_frames", "expr:gte(t,n_forced*2)", *out]


def main() -> None:
    options = arguments()
    static = imageio_ffmpeg.get_ffmpeg_exe()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        scratch = Path(folder)
        size = quality.frame_size(static, options.video)
        source = raw_frames(options.video, options, size[1], scratch / "source.y4m")
        rung = raw_frames(options.video, options, options.height, scratch / "rung.y4m")
        log, playlist = scratch / "log", scratch / "index.m3u8"
        reading = cost.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(rung), "-f", "null", "-"], log, lambda: False)
        for candidate in options.candidates:
            command = encoder(rung, candidate, options.height, ["-f", "null", "-"])
            runs = [cost.run(command, log, lambda: False).cpu_secs for _ in range(options.runs)]
            subprocess.run(encoder(rung, candidate, options.height, ["-f", "hls", "-hls_list_size", "0", str(playlist)]), check=True)
            found = quality.measure(static, source, playlist, size)
            print(f"{options.height}p {min(runs) - reading.cpu_secs:6.2f} CPU s {found.video_kbps:6.0f} kbit/s "
                  f"VMAF {found.vmaf:6.2f} {found.vmaf_worst:6.2f}  {candidate}", flush=True)


if __name__ == "__main__":
    main()
