"""Growth: whether what a process holds becomes more and more."""

from dataclasses import fields
from statistics import median

from box import Sample

# Part of a phase that counts as warm-up.
WARM_UP = 0.3
# Samples that show a trend: pools of connections and threads take minutes to settle.
FEWEST = 120
# Growth over a whole phase that is none: allocators keep a little, and a pool gets its last thread.
TOLERATED = {"rss_mib": 8, "descriptors": 4, "threads": 3, "children": 1, "incoming": 1, "temporary": 1, "wal_mib": 8}


def slope(points):
    """Median of the slopes between points that are half the series apart (after Theil and Sen): one value that
    is out of line changes nothing."""
    half = len(points) // 2
    pairs = zip(points[:half], points[half:2 * half])
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairs if x1 > x0]
    return median(slopes) if slopes else 0.0


def grown(samples):
    """Growth over these samples without their warm-up, by name of the value."""
    samples = samples[int(len(samples) * WARM_UP):]
    if len(samples) < FEWEST:
        return {}
    length = samples[-1].secs - samples[0].secs
    return {name: slope([(s.secs, getattr(s, name)) for s in samples]) * length for name in TOLERATED}


def faults(phase, samples):
    """What grew in this phase by more than is tolerated."""
    return [f"{phase}: {name} grew by {by:.1f}" for name, by in grown(samples).items() if by > TOLERATED[name]]


def left_over(before, after):
    """What the quiet appliance holds more than before the load."""
    more = {name: getattr(after, name) - getattr(before, name) for name in TOLERATED}
    # Caches and pools are filled once: memory may be that of another hundred connections.
    # Threads of a pool end when they had nothing to do for 10 s, and each gets something now and then.
    limits = TOLERATED | {"rss_mib": 64, "threads": 32, "descriptors": 16}
    return [f"left over: {name} {by:+.1f}" for name, by in more.items() if by > limits[name]]


def table(rows):
    """Rows of a name and a sample, as aligned columns."""
    names = [field.name for field in fields(Sample) if field.name != "secs"]
    cells = [["", *names]] + [[name, *(f"{getattr(sample, key):.0f}" for key in names)] for name, sample in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names) + 1)]
    line = lambda row: "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
    return "\n".join(map(line, cells))


def plot(phases, path):
    """Draws each value over time, phase by phase, into an image."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [field.name for field in fields(Sample) if field.name != "secs"]
    figure, axes = pyplot.subplots(len(names), 1, sharex=True, figsize=(11, 1.6 * len(names)), layout="constrained")
    for axis, name in zip(axes, names):
        for number, (phase, samples) in enumerate(phases):
            axis.plot([s.secs / 60 for s in samples], [getattr(s, name) for s in samples], color=f"C{number}",
                      label=phase, linewidth=1)
        axis.set_ylabel(name.replace("_", " "), fontsize=8)
        most = max(getattr(s, name) for _, samples in phases for s in samples)
        axis.set_ylim(0, 1.1 * max(most, 1))
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(phases), fontsize=8)
    figure.savefig(path, dpi=110)
