"""What x264's options cost and bring on one rung: the measurement behind the settings in pipelines/.

    target/bench/venv/bin/python3 benches/encoder.py film.mp4 1080 \\
        "veryfast" "superfast crf=19:bframes=3:b-adapt=0:rc-lookahead=10:threads=1"

Each candidate is a preset and x264's own options; without crf= it aims at the rate of the rung, as
ffmpeg's users do. The caps are those of benches/contestants.py. Prints CPU seconds of the encoder alone
(the least of the runs), kbit/s, mean VMAF and that of the worst 1 %.
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
    parser.add_argument("--start", default="0", help="where in the video to begin, in seconds")
    parser.add_argument("--secs", default="20", help="how much of it to take")
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


def pictures(source: Path, told: argparse.Namespace, height: int, out: Path) -> Path:
    """A part of the video as raw pictures of a height, so that only the encoder is measured."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-ss", told.start, "-i", str(source), "-t", told.secs,
               "-an", "-vf", f"scale=-2:{height}:flags=lanczos", "-pix_fmt", "yuv420p", str(out)]
    subprocess.run(command, check=True)
    return out


def encoder(pictures: Path, candidate: str, height: int, out: list[str]) -> list[str]:
    preset, _, options = candidate.partition(" ")
    _, rate, cap, buffer = next(rung for rung in RUNGS if rung[0] == height)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(pictures), "-c:v", "libx264", "-preset", preset]
    if "crf=" not in options:
        command += ["-b:v", f"{rate}k"]
    fixed = f"vbv-maxrate={cap}:vbv-bufsize={buffer}:scenecut=0:open-gop=0"
    return [*command, "-x264-params", f"{fixed}:{options}".rstrip(":"), "-force_key_frames", "expr:gte(t,n_forced*2)", *out]


def main() -> None:
    told = arguments()
    static = imageio_ffmpeg.get_ffmpeg_exe()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        scratch = Path(folder)
        size = quality.picture_size(static, told.video)
        whole = pictures(told.video, told, size[1], scratch / "source.y4m")
        rung = pictures(told.video, told, told.height, scratch / "rung.y4m")
        log, playlist = scratch / "log", scratch / "index.m3u8"
        reading = cost.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(rung), "-f", "null", "-"], log, lambda: False)
        for candidate in told.candidates:
            command = encoder(rung, candidate, told.height, ["-f", "null", "-"])
            runs = [cost.run(command, log, lambda: False).cpu_secs for _ in range(told.runs)]
            subprocess.run(encoder(rung, candidate, told.height, ["-f", "hls", "-hls_list_size", "0", str(playlist)]), check=True)
            found = quality.measure(static, whole, playlist, size)
            print(f"{told.height}p {min(runs) - reading.cpu_secs:6.2f} CPU s {found.video_kbps:6.0f} kbit/s "
                  f"VMAF {found.vmaf:6.2f} {found.vmaf_worst:6.2f}  {candidate}", flush=True)


if __name__ == "__main__":
    main()
