// uPlot in the colours of the page.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { PlotData } from "./series";

const COLOURS = ["--plot-1", "--plot-2", "--plot-3"];
// Lines differ by more than their colour.
const DASHES = [[], [6, 3], [2, 3]];
const HOUR_SECS = 3_600;
const HEIGHT_PX = 150;
const AXIS_PX = 22;
const LABELS_PX = 64;
const TICK_GAP_PX = 36;
const TIME_GAP_PX = 70;
const MINUTES = 60;

/** Place of the pointer: index of the sample, and its distance from the left in pixels. */
export interface Cursor {
  index: number;
  left: number;
}

// All plots show the same moment.
const sync = uPlot.sync("ladderd.system");

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** Draws a plot into `place`. It follows `update` and `resize` until `destroy`. */
export function draw(
  place: HTMLElement,
  data: PlotData,
  width: number,
  onCursor: (cursor: Cursor | null) => void,
) {
  const color = resolver(place);
  const axis = { stroke: color("--text-soft"), font: font(place), ticks: { show: false } };
  const soft = { stroke: color("--border"), width: 1 };
  // The range is read at each `setData`.
  let shown = data;
  const options: uPlot.Options = {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    padding: [6, 20, 0, 0],
    cursor: {
      sync: { key: sync.key, setSeries: false },
      drag: { setScale: false, x: false, y: false },
      y: false,
      points: { size: 7 },
    },
    scales: {
      x: { range: () => lastHour(shown.times) },
      y: { range: (_plot, _min, max) => [0, Math.max(shown.top, (max ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: AXIS_PX,
        space: TIME_GAP_PX,
        grid: { show: false },
        incrs: [10, 15, 20, 30].map((minutes) => minutes * MINUTES),
        values: (_plot, splits) => splits.map((secs) => TIME.format(secs * 1_000)),
      },
      {
        ...axis,
        size: LABELS_PX,
        space: TICK_GAP_PX,
        grid: soft,
        values: (_plot, splits) => splits.map(data.format),
        ...(data.top === 4 ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4, 1e5] } : {}),
      },
    ],
    series: [
      {},
      ...data.series.map(({ label }, at) => {
        const stroke = color(COLOURS[at % COLOURS.length] ?? "--accent");
        return {
          label,
          stroke,
          width: 1.75,
          dash: DASHES[at % DASHES.length] ?? [],
          points: { show: false },
          ...(data.series.length === 1 ? { fill: faint(stroke) } : {}),
        };
      }),
    ],
    hooks: {
      setCursor: [
        ({ cursor }) => {
          const { idx, left = -1 } = cursor;
          onCursor(idx == null || left < 0 ? null : { index: idx, left: left + LABELS_PX });
        },
      ],
    },
  };
  const plot = new uPlot(options, aligned(data), place);
  return {
    update(next: PlotData) {
      shown = next;
      plot.setData(aligned(next));
    },
    resize: (next: number) => plot.setSize({ width: next, height: HEIGHT_PX }),
    destroy: () => plot.destroy(),
  };
}

const aligned = ({ times, series }: PlotData): uPlot.AlignedData => [
  times,
  ...series.map(({ values }) => values),
];

function lastHour(times: number[]): [number, number] {
  const end = times.at(-1) ?? Date.now() / 1_000;
  return [end - HOUR_SECS, end];
}

// A canvas knows neither variables nor `light-dark()`, so an element resolves them.
function resolver(place: HTMLElement): (token: string) => string {
  return (token) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${token})`;
    place.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

const font = (place: HTMLElement) => `11px ${getComputedStyle(place).fontFamily}`;

// Computed colours read `rgb(1, 2, 3)`.
const faint = (color: string) => color.replace("rgb(", "rgba(").replace(")", ", 0.12)");
