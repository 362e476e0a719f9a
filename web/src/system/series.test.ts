import { expect, test } from "vitest";
import type { History } from "../api/types";
import { inWords, latest, peak, plotsOf } from "./series";

const history: History = {
  interval_secs: 10,
  times: [10, 20, 30],
  cpu_share: [null, 0.5, 0.25],
  memory_bytes: [1e6, 2e6, null],
  memory_total_bytes: 8e9,
  queue_visible: [0, 3, 1],
  queue_in_flight: [0, 1, 1],
  running_jobs: [0, 1, 1],
  received_bytes_per_sec: [null, 1e6, 2e6],
  sent_bytes_per_sec: [null, null, null],
  gpus: [],
};

test("a value that is missing counts neither as the latest nor as the peak", () => {
  expect(latest([1, 2, null])).toBe(2);
  expect(peak([null, 0, null])).toBe(0);
  expect(latest([null])).toBeNull();
  expect(peak([])).toBeNull();
});

test("each plot reads in words", () => {
  const words = Object.fromEntries(plotsOf(history).map((plot) => [plot.id, inWords(plot)]));
  expect(words).toEqual({
    cpu: "All cores: now 25 %, peak 50 %",
    memory: "ladderd and workers: now 2.0 MB, peak 2.0 MB",
    queue: "Waiting: now 1, peak 3; In progress: now 1, peak 1; Running jobs: now 1, peak 1",
    network: "Received: now 2.0 MB/s, peak 2.0 MB/s; Sent: now –, peak –",
  });
});

test("each GPU has a plot of its use and one of its memory", () => {
  const gpu = (index: number) => ({
    index,
    name: `L4 ${index}`,
    utilization: [0.1, 0.2, 0.3],
    memory_used_bytes: [1, 2, 3],
    memory_total_bytes: 24e9,
    encoder: [0, 0, 1],
    decoder: [0, 0, 0],
  });
  const ids = plotsOf({ ...history, gpus: [gpu(0), gpu(1)] }).map(({ id }) => id);
  expect(ids.slice(4)).toEqual(["gpu-0", "gpu-memory-0", "gpu-1", "gpu-memory-1"]);
});
