// Answers of the API that its document does not describe yet.

import type { components } from "../../generated/api";

type Schemas = components["schemas"];

export interface RunningJob {
  video_id: string;
  title: string;
  stage: string;
  /** 0 to 1. */
  progress: number;
  /** Media seconds per second. */
  speed?: number | null;
  eta_secs?: number | null;
  backend?: string | null;
  started_at?: string | null;
}

export type Backend = Schemas["BackendStatus"] & { remedy?: string | null };

export type System = Omit<Schemas["System"], "backends"> & {
  backends: Backend[];
  jobs?: RunningJob[];
  box_id?: string;
  host?: string | null;
  uptime_secs?: number;
  disk?: { free_bytes: number; total_bytes: number } | null;
};

export type Readiness = Schemas["Readiness"];

type Values = (number | null)[];

export interface GpuHistory {
  index: number;
  name: string;
  utilization: Values;
  memory_used_bytes: Values;
  memory_total_bytes: number;
  encoder: Values;
  decoder: Values;
}

/** Samples of the last hour, the oldest first. All lists are as long as `times`. */
export interface History {
  interval_secs: number;
  /** Unix seconds. */
  times: number[];
  cpu_share: Values;
  memory_bytes: Values;
  memory_total_bytes: number;
  queue_visible: Values;
  queue_in_flight: Values;
  running_jobs: Values;
  received_bytes_per_sec: Values;
  sent_bytes_per_sec: Values;
  gpus: GpuHistory[];
}

export interface FailureGroup {
  code: string;
  count: number;
  meaning: string;
  advice: string;
  /** `source`, `surroundings` or `ladderd`. */
  fault: string;
  latest_at?: string | null;
  /** Up to five of its videos. */
  video_ids: string[];
}

export interface FailureList {
  failures: FailureGroup[];
}

export interface DeadLetter {
  id: string;
  video_id?: string | null;
  key?: string | null;
  reason?: string | null;
  code?: string | null;
  receive_count: number;
  died_at: string;
  /** First 2 kB of the message. */
  body: string;
}

export interface DeadLetterList {
  dead_letters: DeadLetter[];
  next_cursor?: string | null;
}

export interface QoeFigures {
  views: number;
  errors: number;
  startup_secs?: { p50?: number | null; p95?: number | null } | null;
  rebuffer_ratio?: number | null;
  mean_bps?: number | null;
}

export interface Qoe extends QoeFigures {
  /** Since when it is counted, RFC 3339. */
  since: string;
  by_player?: Record<string, QoeFigures>;
}
