// The history of the daemon as plots.

import type { History } from "../api/types";
import { text } from "../text/operator";
import { bytes, percent } from "../ui/format";

export type Values = (number | null)[];

export interface Series {
  label: string;
  values: Values;
}

export interface PlotData {
  id: string;
  title: string;
  /** Unix seconds. */
  times: number[];
  series: Series[];
  format: (value: number) => string;
  /** Upper end of the axis, unless a value is higher. */
  top: number;
}

const words = text.system.plots;
const count = (value: number) => Math.round(value).toLocaleString();
const rate = (value: number) => text.system.perSecond(bytes(value));

/** All plots of a history. GPUs come last, each with its use and its memory. */
export function plotsOf(history: History): PlotData[] {
  const { times } = history;
  const plots: PlotData[] = [
    {
      id: "cpu",
      title: text.system.cpu,
      times,
      series: [{ label: words.cpu, values: history.cpu_share }],
      format: percent,
      top: 1,
    },
    {
      id: "memory",
      title: text.system.memory,
      times,
      series: [{ label: words.memory, values: history.memory_bytes }],
      format: bytes,
      top: 64e6,
    },
    {
      id: "queue",
      title: text.system.queueDepth,
      times,
      series: [
        { label: words.waiting, values: history.queue_visible },
        { label: words.inFlight, values: history.queue_in_flight },
        { label: words.jobs, values: history.running_jobs },
      ],
      format: count,
      top: 4,
    },
    {
      id: "network",
      title: text.system.network,
      times,
      series: [
        { label: words.received, values: history.received_bytes_per_sec },
        { label: words.sent, values: history.sent_bytes_per_sec },
      ],
      format: rate,
      top: 100e3,
    },
  ];
  for (const gpu of history.gpus) {
    plots.push(
      {
        id: `gpu-${gpu.index}`,
        title: text.system.gpuUse(gpu.name),
        times,
        series: [
          { label: words.gpu, values: gpu.utilization },
          { label: words.encoder, values: gpu.encoder },
          { label: words.decoder, values: gpu.decoder },
        ],
        format: percent,
        top: 1,
      },
      {
        id: `gpu-memory-${gpu.index}`,
        title: text.system.gpuMemory(gpu.name),
        times,
        series: [{ label: words.gpuMemory, values: gpu.memory_used_bytes }],
        format: bytes,
        top: gpu.memory_total_bytes,
      },
    );
  }
  return plots;
}

/** The newest value that was measured. */
export function latest(values: Values): number | null {
  return values.filter((value) => value !== null).at(-1) ?? null;
}

/** The highest value. */
export function peak(values: Values): number | null {
  return values.reduce<number | null>(
    (highest, value) => (value !== null && value > (highest ?? -1) ? value : highest),
    null,
  );
}

/** The series in words, such as `Received: now 1.0 MB/s, peak 2.0 MB/s`. */
export function inWords({ series, format }: PlotData): string {
  const show = (value: number | null) => (value === null ? text.system.noValue : format(value));
  return series
    .map(({ label, values }) => {
      const now = `${text.system.latest} ${show(latest(values))}`;
      return `${label}: ${now}, ${text.system.peak} ${show(peak(values))}`;
    })
    .join("; ");
}
