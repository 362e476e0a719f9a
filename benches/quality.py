"""Bitrate, quality and container overhead of each rung, measured on the output."""

import json
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

# Gives both inputs the same colour tags: ffmpeg converts colours if only one of them is tagged.
TAGGED = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
# Coprime to the patterns of B-frames and to the lengths of GOPs. With 6, half of the sampled frames are
# P-frames, although only one in four is.
SUBSAMPLE = 7


@dataclass
class Rendition:
    """One rung: kbit/s of the video's elementary stream and of the container's overhead, mean VMAF against
    the source, and mean VMAF of the worst 1 % of the frames."""

    video_kbps: float
    overhead_kbps: float
    vmaf: float
    vmaf_worst: float


def measure(ffmpeg: str, source: Path, playlist: Path, size: tuple[int, int]) -> Rendition:
    """Measures a rung. `size` is the frame size of the source in pixels."""
    video, duration = elementary(ffmpeg, playlist, "v:0", "h264")
    audio, _ = elementary(ffmpeg, playlist, "a:0?", "adts")
    stored = sum(path.stat().st_size for path in segments(playlist))
    mean, worst = vmaf(ffmpeg, source, playlist, size)
    kbps = 8 / 1000 / duration
    return Rendition(video * kbps, (stored - video - audio) * kbps, mean, worst)


def segments(playlist: Path) -> list[Path]:
    lines = playlist.read_text().splitlines()
    return [playlist.parent / line for line in lines if line and not line.startswith("#")]


def elementary(ffmpeg: str, playlist: Path, stream: str, muxer: str) -> tuple[int, float]:
    """Size of an elementary stream in bytes and its duration in seconds; zeros if there is no such stream."""
    command = [ffmpeg, "-nostdin", "-v", "error", "-allowed_extensions", "ALL", "-i", str(playlist), "-map", f"0:{stream}",
               "-c", "copy", "-f", muxer, "-progress", "-", "pipe:2"]
    with tempfile.TemporaryFile() as stream_file:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=stream_file, check=False)
        size = stream_file.tell()
    times = re.findall(rb"out_time_us=(\d+)", run.stdout)
    return (size, int(times[-1]) / 1e6) if times else (0, 0.0)


def vmaf(ffmpeg: str, source: Path, playlist: Path, size: tuple[int, int]) -> tuple[float, float]:
    """Mean VMAF, and mean VMAF of the worst 1 % of the sampled frames."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        # Times in TS are multiples of 1/90000 s, so a frame may lie just before that of the source and would
        # be compared with the previous one: 5 ms later, it meets its own.
        graph = (f"[0:v]{TAGGED},scale={size[0]}:{size[1]}:flags=bicubic,setpts=PTS-STARTPTS+0.005/TB,format=yuv420p[a];"
                 f"[1:v]{TAGGED},setpts=PTS-STARTPTS,format=yuv420p[b];"
                 f"[a][b]libvmaf=n_subsample={SUBSAMPLE}:n_threads=2:log_fmt=json:log_path={log}")
        command = [ffmpeg, "-nostdin", "-v", "error", "-allowed_extensions", "ALL", "-i", str(playlist), "-i", str(source),
                   "-lavfi", graph, "-f", "null", "-"]
        subprocess.run(command, check=True)
        frames = json.loads(log.read_text())["frames"]
    scores = sorted(frame["metrics"]["vmaf"] for frame in frames)
    few = max(1, len(scores) // 100)
    return sum(scores) / len(scores), sum(scores[:few]) / few


def frame_size(ffmpeg: str, source: Path) -> tuple[int, int]:
    """Width and height of the first video stream, in pixels."""
    run = subprocess.run([ffmpeg, "-hide_banner", "-i", str(source)], capture_output=True, text=True, check=False)
    found = re.search(r"Video: .*? (\d{2,5})x(\d{2,5})", run.stderr)
    if not found:
        raise SystemExit(f"{source}: ffmpeg finds no video stream")
    return int(found[1]), int(found[2])


def as_json(renditions: dict[int, Rendition]) -> dict[str, dict[str, float]]:
    return {f"{height}p": asdict(rendition) for height, rendition in renditions.items()}
