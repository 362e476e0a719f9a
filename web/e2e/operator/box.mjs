// Answers of a busy box with GPUs, failures and viewers, for what a test machine does not have.

const SAMPLES = 360;
const INTERVAL_SECS = 10;

const wave = (at, period, low, high) =>
  low + ((high - low) * (1 + Math.sin((at / period) * 2 * Math.PI))) / 2;
const series = (of) => Array.from({ length: SAMPLES }, (_, at) => of(at));

function history() {
  const now = Math.floor(Date.now() / 1_000);
  return {
    interval_secs: INTERVAL_SECS,
    times: series((at) => now - (SAMPLES - 1 - at) * INTERVAL_SECS),
    // The first sample has nothing to compare with, and a pause is a gap.
    cpu_share: series((at) => (at === 0 || (at > 150 && at < 160) ? null : wave(at, 90, 0.1, 0.9))),
    memory_bytes: series((at) => wave(at, 200, 4e8, 2.2e9)),
    memory_total_bytes: 64e9,
    queue_visible: series((at) => Math.round(wave(at, 120, 0, 40))),
    queue_in_flight: series((at) => Math.round(wave(at, 60, 1, 6))),
    running_jobs: series((at) => Math.round(wave(at, 60, 0, 4))),
    received_bytes_per_sec: series((at) => wave(at, 45, 0, 38e6)),
    sent_bytes_per_sec: series((at) => wave(at, 80, 2e6, 90e6)),
    gpus: [
      {
        index: 0,
        name: "NVIDIA L4",
        utilization: series((at) => wave(at, 70, 0.2, 0.95)),
        memory_used_bytes: series((at) => wave(at, 140, 1e9, 9e9)),
        memory_total_bytes: 24e9,
        encoder: series((at) => wave(at, 50, 0, 0.8)),
        decoder: series(() => null),
      },
    ],
  };
}

const system = (real) => ({
  ...real,
  host: "encoder-1",
  uptime_secs: 1_234_567,
  disk: { free_bytes: 312e9, total_bytes: 1e12 },
  queue: { visible: 12, in_flight: 3, dead: 2 },
  left_alone_objects: 3,
  jobs: [
    {
      video_id: "a1b2c3d4e5f60718293a",
      title:
        "A very long title of a film that nobody has cut to a sane length before the upload of it",
      stage: "encoding",
      progress: 0.42,
      speed: 4.2,
      eta_secs: 312,
      backend: "nvenc",
    },
    {
      video_id: "b1b2c3d4e5f60718293a",
      title: "holiday.mov",
      stage: "preparing",
      progress: 0,
    },
  ],
  gpu: {
    available: true,
    driver_version: "595.58.03",
    devices: [
      {
        index: 0,
        name: "NVIDIA L4",
        uuid: "GPU-5a0c",
        memory_used_bytes: 6e9,
        memory_total_bytes: 24e9,
        encoder_percent: 61,
        decoder_percent: 12,
        encoder_sessions: 4,
        temperature_celsius: 71,
        throttle_reasons: ["sw-thermal-slowdown"],
      },
    ],
  },
  backends: [
    {
      name: "nvenc",
      device: "",
      priority: 100,
      state: "available",
      encoder: "nvh264enc",
      trial_fps: 1843,
      warnings: ["The worker can open every device of the driver."],
    },
    {
      name: "nvenc",
      device: "device1",
      priority: 100,
      state: "quarantined",
      encoder: "nvh264enc",
      trial_fps: 1790,
      reason: "3 encodes in a row failed: the driver does not answer",
      remedy: "Restart the machine, or replace the card. It is tried again in 10 min.",
      cannot: ["Sources of more than 4096 x 4096 pixels"],
    },
    ...real.backends.filter(({ name }) => name !== "nvenc"),
  ],
});

const ids = (count) => Array.from({ length: count }, (_, at) => `${at}f2b9c1d7e3a40688d1${at}`);

const failures = {
  failures: [
    {
      code: "source-truncated",
      count: 1204,
      meaning:
        'The file is cut off: it ends before the duration that it states, and `limits.truncated` is "refuse".',
      advice: "Upload it again.",
      fault: "source",
      latest_at: "2026-11-30T20:15:00Z",
      video_ids: ids(5),
    },
    {
      code: "store-denied",
      count: 3,
      meaning: "The store denies access, or has no such bucket.",
      advice: "Check the credentials, the bucket policy, keys and the names of the buckets.",
      fault: "surroundings",
      latest_at: "2026-11-29T08:00:00Z",
      video_ids: ids(3),
    },
    {
      code: "worker-crash",
      count: 1,
      meaning: "The worker died by a signal.",
      advice: "Report it with the log of the job.",
      fault: "ladderd",
      latest_at: null,
      video_ids: ids(1),
    },
  ],
};

const qoe = {
  since: "2026-11-01T00:00:00Z",
  views: 18_342,
  errors: 27,
  startup_secs: { p50: 0.42, p95: 1.9 },
  rebuffer_ratio: 0.0031,
  mean_bps: 4_820_000,
  by_player: {
    page: {
      views: 1_342,
      errors: 2,
      startup_secs: { p50: 0.31, p95: 1.2 },
      rebuffer_ratio: 0.0012,
      mean_bps: 5_900_000,
    },
    embed: {
      views: 17_000,
      errors: 25,
      startup_secs: { p50: 0.44, p95: 2.0 },
      rebuffer_ratio: 0.0034,
      mean_bps: 4_700_000,
    },
  },
};

const finding = (group, id, severity, what, why, more = {}) => ({
  ...{ group, id, severity, what, why, subject: "" },
  ...more,
});

const examination = {
  running: false,
  report: {
    version: "0.1.0",
    host: "encoder-1",
    by: "service",
    began_at: "2026-11-30T19:30:00Z",
    took_ms: 6400,
    worst: "error",
    findings: [
      finding("Machine", "memory", "ok", "24.0 GiB of memory, 18.2 GiB free", "Jobs need memory."),
      finding(
        "Machine",
        "clock",
        "error",
        "the clock is 1204 s behind that of the store",
        "S3 refuses requests whose time is off by more than 15 minutes; sessions and signed URLs end too early or late.",
        { mend: "timedatectl set-ntp true && timedatectl timesync-status" },
      ),
      finding("Network", "dns", "ok", "names resolve in 3 ms", "The store has a name."),
      finding(
        "Buckets",
        "bucket-cors",
        "warning",
        "the rules of CORS let no page of https://video.example.com read segments",
        "Players in a page of that origin cannot read the stream.",
        {
          subject: "video-public-encoder",
          mend: 'aws s3api put-bucket-cors --bucket video-public-encoder --cors-configuration \'{"CORSRules":[{"AllowedMethods":["GET","HEAD"],"AllowedOrigins":["https://video.example.com"],"AllowedHeaders":["*"]}]}\'',
        },
      ),
      finding(
        "Devices",
        "gpu-persistence",
        "note",
        "persistence mode is off",
        "The first job after a pause waits for the driver.",
        { subject: "NVIDIA L4" },
      ),
      finding("Webhooks", "webhooks", "skipped", "there is no webhook", "Nobody is told."),
    ],
  },
};

const dead = (at) => ({
  id: `letter-${at}`,
  video_id: at % 3 === 2 ? null : `${at}f2b9c1d7e3a40688d10`,
  key: at % 3 === 2 ? null : `${at}f2b9c1d7e3a40688d10/holiday-${at}.mp4`,
  reason: at % 3 === 2 ? null : "GetObject: connection refused",
  code: at % 3 === 2 ? null : "store-unavailable",
  receive_count: 5,
  died_at: "2026-11-30T19:00:00Z",
  body: JSON.stringify({ Records: [{ s3: { object: { key: `holiday-${at}.mp4` } } }] }),
});

const broken = {
  ready: false,
  uploads: true,
  playback: true,
  jobs: false,
  components: [
    { name: "private-bucket", ok: true },
    { name: "backends", ok: false, why: "no backend can encode: see `ladderd backends`" },
    { name: "queue", ok: false, why: "SendMessage: connection refused" },
  ],
};

// Answers the requests of `page` as that box does. What it does not have goes to the server. `isBroken` is a box on
// which encodes do not work.
export async function pretendBusyBox(page, { isBroken = false } = {}) {
  const json = (path, body) => page.route(path, (route) => route.fulfill({ json: body() }));
  await page.route("**/v1/system", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: system(await response.json()) });
  });
  await json("**/v1/system/history", history);
  await json("**/v1/failures", () => failures);
  await json("**/v1/qoe", () => qoe);
  await json("**/v1/doctor", () => examination);
  await page.route("**/v1/dead-letters?*", (route) => {
    const second = route.request().url().includes("cursor=");
    return route.fulfill({
      json: second
        ? { dead_letters: [dead(3)] }
        : { dead_letters: [dead(0), dead(1), dead(2)], next_cursor: "2" },
    });
  });
  if (isBroken) {
    await page.route("**/readyz", (route) => route.fulfill({ status: 503, json: broken }));
  }
}
