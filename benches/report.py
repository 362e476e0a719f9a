"""Results as tables, JSON and a chart."""

import json
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from cost import Cost
from quality import Rendition, as_json

MIB = 1024 * 1024


@dataclass
class Entry:
    """Results of one contestant on one clip."""

    name: str
    costs: list[Cost] = field(default_factory=list)
    renditions: dict[int, Rendition] = field(default_factory=dict)

    def median(self, of: str) -> float | None:
        values = [getattr(cost, of) for cost in self.costs if getattr(cost, of) is not None]
        return median(values) if values else None


@dataclass
class Clip:
    name: str
    entries: list[Entry]


def table(rows: list[list[str]]) -> str:
    """Aligns columns: the first to the left, figures to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths))
        lines.append("  ".join([row[0].ljust(len(first)), *rest]))
    return "\n".join(lines)


def number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def costs(clip: Clip, baseline: str) -> str:
    """Medians, and the ratio of CPU seconds to those of the baseline."""
    base = next((entry.median("cpu_secs") for entry in clip.entries if entry.name == baseline), None)
    rows = [["medians", "CPU s", "ratio", "wall s", "busy", "peak MiB", "disk MiB", "playable s"]]
    for entry in clip.entries:
        cpu, peak, disk = (entry.median(of) for of in ("cpu_secs", "peak_bytes", "disk_bytes"))
        if cpu is None or peak is None or disk is None:
            continue
        rows.append([entry.name, number(cpu), number(cpu / base, 2) if base else "-",
                     number(entry.median("wall_secs")), number(entry.median("busy"), 2),
                     number(peak / MIB, 0), number(disk / MIB), number(entry.median("playable_secs"))])
    return table(rows)


def renditions(clip: Clip) -> str:
    heights = sorted({height for entry in clip.entries for height in entry.renditions}, reverse=True)
    rows = [["kbit/s | VMAF | worst 1 % | container", *(f"{height}p" for height in heights)]]
    for entry in clip.entries:
        if entry.renditions:
            rows.append([entry.name, *(cell(entry.renditions.get(height)) for height in heights)])
    return table(rows)


def cell(rendition: Rendition | None) -> str:
    if rendition is None:
        return "-"
    return (f"{rendition.video_kbps:.0f} | {rendition.vmaf:.2f} | {rendition.vmaf_worst:.1f}"
            f" | {rendition.overhead_kbps:.0f}")


def save(path: Path, clips: list[Clip], arguments: dict[str, object]) -> None:
    """Writes all measurements as JSON, run by run."""
    results = {
        "machine": {"processor": platform.machine(), "system": platform.platform()},
        "arguments": arguments,
        "clips": {clip.name: {entry.name: {
            "runs": [asdict(cost) for cost in entry.costs],
            "renditions": as_json(entry.renditions),
        } for entry in clip.entries} for clip in clips},
    }
    path.write_text(json.dumps(results, indent=2) + "\n")


def plot(path: Path, clips: list[Clip]) -> None:
    """Draws, for each clip, CPU seconds as bars and quality over bitrate."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(clips), 2, figsize=(11, 4 * len(clips)), squeeze=False)
    for (bars, curves), clip in zip(axes, clips):
        shown = [entry for entry in clip.entries if entry.costs]
        for number_of, entry in enumerate(shown):
            colour = f"C{number_of}"
            bars.barh(entry.name, entry.median("cpu_secs"), color=colour)
            points = sorted((one.video_kbps, one.vmaf) for one in entry.renditions.values())
            if points:
                curves.plot(*zip(*points), marker="o", color=colour, label=entry.name)
        bars.invert_yaxis()
        bars.set(title=clip.name, xlabel="CPU seconds (median)")
        curves.set(xlabel="kbit/s of video", ylabel="VMAF", xscale="log")
        if curves.lines:
            curves.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
