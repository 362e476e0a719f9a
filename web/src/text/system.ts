const parts: Record<string, string> = {
  "private-bucket": "Private bucket",
  "public-bucket": "Public bucket",
  queue: "Queue",
  backends: "Backends",
  "disk-space": "Disk space",
  daemon: "Daemon",
  api: "API",
  store: "Store",
  scheduler: "Scheduler",
  housekeeping: "Housekeeping",
  database: "Database",
};

const backendStates: Record<string, string> = {
  available: "Available",
  quarantined: "Set aside for now",
  unavailable: "Not available",
};

const stages: Record<string, string> = {
  preparing: "Preparing",
  encoding: "Encoding",
  finishing: "Finishing",
};

const faults: Record<string, string> = {
  source: "The uploader can mend it",
  surroundings: "You can mend it",
  ladderd: "A defect of ladderd: please report it",
};

const players: Record<string, string> = { page: "This page", embed: "Embedded players" };

const severities: Record<string, string> = {
  error: "Error",
  warning: "Warning",
  note: "Note",
  skipped: "Not examined",
  ok: "OK",
};

const severityCounts: Record<string, [string, string]> = {
  error: ["error", "errors"],
  warning: ["warning", "warnings"],
  note: ["note", "notes"],
  skipped: ["not examined", "not examined"],
  ok: ["ok", "ok"],
};

export const system = {
  title: "System",
  box: (name: string) => `on ${name}`,
  sections: "Parts of the system",
  overview: "Overview",
  queue: "Queue",
  failures: "Failures",
  playback: "Playback",

  health: "Health",
  healthy: "All is well",
  healthyMore: "Uploads, encodes and playback work.",
  unhealthy: "Needs attention",
  unhealthyMore: "These parts do not work now.",
  uploads: "Uploads",
  jobs: "Encodes",
  streams: "Playback",
  works: "works",
  worksNot: "does not work",
  part: (name: string) => parts[name] ?? name,
  noBeat: (secs: number) => `no sign of life for ${Math.round(secs)} s`,
  noReason: "Its reason is shown to tokens with the scope “metrics”.",
  weakWrites:
    "The store does not obey If-Match and If-None-Match on writes: two boxes may publish the same video twice.",
  weakDeletes:
    "The store does not obey If-Match on deletes: a late delete may remove a newer object.",
  leftAlone: (count: number) =>
    `${count.toLocaleString()} ${count === 1 ? "object is" : "objects are"} older than the first start and not processed (housekeeping.adopt_existing).`,

  version: "Version",
  uptime: "Running for",
  days: (days: number, hours: number) => `${days} d${hours ? ` ${hours} h` : ""}`,
  disk: "Free disk space",
  diskOf: (total: string) => `of ${total}`,
  queued: "Waiting",
  queuedMore: (inFlight: number) => `${inFlight.toLocaleString()} in progress`,
  dead: "Dead letters",
  deadNone: "none",
  deadMore: "look at them",
  running: "Running jobs",

  jobsTitle: "Running jobs",
  jobsMore: "Jobs of this box, as they go.",
  jobsNone: "Nothing is being processed.",
  jobsNoneMore: "A job starts as soon as a video is in the queue.",
  stage: (stage: string) => stages[stage] ?? stage,
  jobProgress: (title: string) => `Progress of ${title}`,
  speed: (speed: number) => `${speed.toFixed(1)}×`,
  left: (span: string) => `${span} left`,
  openVideo: "Open the video",

  backends: "Backends",
  backendsMore: "The available one with the highest priority that can take a source encodes it.",
  backendState: (state: string) => backendStates[state] ?? state,
  first: "First choice",
  encoder: "Encoder",
  device: "Device",
  priority: "Priority",
  trial: "Trial speed",
  fps: (fps: number) => `${Math.round(fps).toLocaleString()} frames/s`,
  remedy: "Remedy",
  cannot: "Cannot take",
  moreOff: (count: number) => `${count.toLocaleString()} more that cannot be used here`,
  gpu: "GPUs",
  driver: (version: string) => `Driver ${version}`,
  temperature: "Temperature",
  memoryOf: (used: string, total: string) => `${used} of ${total}`,
  sessions: "Encoder sessions",
  throttled: "Runs slower than it could:",

  hour: "Last hour",
  hourMore: "One value each ten seconds, kept in memory since the start.",
  hourNone: "The first values come within a minute.",
  cpu: "CPU",
  memory: "Memory",
  network: "Network",
  queueDepth: "Queue and jobs",
  gpuUse: (name: string) => name,
  gpuMemory: (name: string) => `Memory of ${name}`,
  plots: {
    cpu: "All cores",
    memory: "ladderd and workers",
    received: "Received",
    sent: "Sent",
    waiting: "Waiting",
    inFlight: "In progress",
    jobs: "Running jobs",
    gpu: "GPU",
    encoder: "Encoder",
    decoder: "Decoder",
    gpuMemory: "In use",
  },
  perSecond: (bytes: string) => `${bytes}/s`,
  latest: "now",
  peak: "peak",
  noValue: "–",

  deadTitle: "Dead letters",
  deadDescription:
    "Messages that the queue gave up on. Retry one once its reason is gone, or delete it.",
  deadEmpty: "No dead letters",
  deadEmptyMore: "Each message in the queue has been dealt with.",
  deadForbidden: "Dead letters need the scope “manage”. Your token does not have it.",
  received: (count: number) => (count === 1 ? "Received once" : `Received ${count} times`),
  died: (when: string) => `Gave up ${when}`,
  message: "Message",
  deadRetried: "The message is in the queue again",
  deadDeleted: "The dead letter is gone",
  deadRetryFailed: "The dead letter could not be retried",
  deadDeleteFailed: "The dead letter could not be deleted",
  deadConfirm: "Delete this dead letter?",
  deadConfirmMore:
    "The message is gone for good. The video, if there is one, stays as it is and can be retried on its own page.",
  unnamed: "A message without a video",
  showMore: "Show more",
  queueNow: "Queue now",
  refresh: "Read again",

  failuresTitle: "Failures by code",
  failuresMore: "Videos that failed, grouped by the code of their error.",
  failuresNone: "No video has failed",
  failuresNoneMore: "Failed videos are grouped here by their reason, with advice.",
  fault: (fault: string) => faults[fault] ?? fault,
  latestAt: (when: string) => `Latest ${when}`,
  examples: "Examples",
  showVideos: (count: number) =>
    count === 1 ? "Show the video" : `Show all ${count.toLocaleString()} videos`,
  advice: "Advice",

  doctor: "Doctor",
  doctorTitle: "Examination of this box",
  doctorMore:
    "What “ladderd doctor” shows: checks of machine, network, buckets, queue, devices and webhooks. Nothing is mended by itself.",
  doctorForbidden: "The examination needs the scope “admin”. Your token does not have it.",
  examine: "Examine now",
  examining: "Examining…",
  examineFailed: "The examination could not be started",
  notExamined: "Not examined since the start",
  notExaminedMore:
    "An examination takes some seconds, or minutes if something does not answer. It writes small objects into both buckets and deletes them.",
  examinedAt: (when: string, secs: number) => `${when}, in ${secs.toFixed(1)} s`,
  examinedBy: (version: string, host: string) =>
    host ? `ladderd ${version} on ${host}` : `ladderd ${version}`,
  severity: (severity: string) => severities[severity] ?? severity,
  severityCount: (severity: string, count: number) =>
    `${count.toLocaleString()} ${(severityCounts[severity] ?? [severity, severity])[count === 1 ? 0 : 1]}`,
  noTrouble: "Nothing is wrong",
  otherChecks: (count: number) =>
    count === 1 ? "One other check" : `All ${count.toLocaleString()} other checks`,
  copyMend: (id: string) => `Copy the command for ${id}`,
  mendCopied: "Command copied",
  mendNotCopied: "The command could not be copied: select it by hand",

  qoeTitle: "Playback quality",
  qoeMore: (since: string) =>
    `All viewers since ${since}. Counted by this server alone, without cookies or addresses.`,
  qoeNone: "Nobody has watched yet",
  qoeNoneMore: "The first views of the page and of embedded players show up here.",
  qoeOff:
    "Playback quality is not counted: the setting qoe.enabled is off, or the server is older.",
  views: "Views",
  startup: "Startup",
  startupMore: (p95: string) => `95 of 100 within ${p95}`,
  rebuffer: "Rebuffering",
  rebufferMore: "share of the time watched",
  meanRate: "Mean rate",
  meanRateMore: "over all views",
  errors: "Errors",
  errorsMore: (share: string) => `${share} of the views`,
  player: "Player",
  playerName: (player: string) => players[player] ?? player,
  startupP50: "Startup, half",
  startupP95: "Startup, 95 %",
  forbidden: "This needs the scope “read”. Your token does not have it: ask who runs this server.",
};
