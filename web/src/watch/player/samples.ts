// Values that the stats plot: the newest ones, from the oldest to the newest.

export interface Sample {
  /** Seconds since the stats were opened. */
  at: number;
  bufferSecs: number;
  rungMbps: number | null;
  bandwidthMbps: number | null;
  dropped: number | null;
}

// Two minutes, at two a second.
export const MAX_SAMPLES = 240;

export function addSample(samples: Sample[], sample: Sample): Sample[] {
  return [...samples, sample].slice(-MAX_SAMPLES);
}

/** Columns as uPlot takes them. */
export const column = (samples: Sample[], name: keyof Sample): (number | null)[] =>
  samples.map((sample) => sample[name]);

/** Seconds that are loaded ahead of a place. */
export function bufferAhead(ranges: TimeRanges, secs: number): number {
  for (let n = 0; n < ranges.length; n += 1) {
    // The place may be a little before the range of its frame.
    if (secs >= ranges.start(n) - 0.1 && secs <= ranges.end(n)) return ranges.end(n) - secs;
  }
  return 0;
}
