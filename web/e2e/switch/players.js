// The players under test, with one way each to choose the rung.
//
// `order` is { url, manner, onRungs, onError, course }: onRungs is called with the heights on offer,
// in ascending order, before any rung is taken; then there is a course.
// A player is { video, take(rung) }, or { video } if it asks for the next rung by itself.

const holder = document.getElementById("holder");

// Both players buffer 30 s by default: a short stream would be buffered before the first switch.
const BUFFER_SECS = 6;

function hlsjs(order) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true, width: 640, height: 360 });
  holder.append(video);
  const hls = new Hls({ maxBufferLength: BUFFER_SECS, maxMaxBufferLength: BUFFER_SECS });
  // Errors that hls.js recovers from count, too: a hole that it skips is a hole in the stream.
  hls.on(Hls.Events.ERROR, (_, data) => {
    // hls.js 1.7 looks for progress once before the first audio is appended. It looks twice for audio
    // that is missing, and the watcher sees the hole.
    if (data.details === "bufferAppendNoProgress" && data.appendsWithoutProgress === 1) return;
    // A switch aborts the request of the old rung.
    if (data.details === "aborted") return;
    const words = data.error?.message ?? data.reason ?? "";
    const of = data.frag ? ` segment ${data.frag.sn} of ${data.frag.type} ${data.frag.level}` : "";
    order.onError(`hls.js: ${data.fatal ? "fatal " : ""}${data.details}${of}: ${words}`);
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    order.onRungs(hls.levels.map((level) => level.height));
    hls.loadLevel = order.course.wanted;
  });
  hls.loadSource(order.url);
  hls.attachMedia(video);
  if (order.manner === "now") return { video, take: (rung) => (hls.currentLevel = rung) };
  // Like its own bandwidth estimate: each video segment from another rung.
  hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => {
    if (frag.type !== "main" || frag.level !== order.course.wanted) return;
    order.course.advance();
    hls.loadLevel = order.course.wanted;
  });
  return { video };
}

// Usage events of VHS for recoveries that hls.js reports as errors.
const RECOVERIES = /gap-skip|unknown-waiting|video-underflow|resync|exclu|error-reload/;

// Only seamless: an immediate switch of VHS empties the buffers of audio and video and shows the next
// key frame first, for any stream.
function vhs(order) {
  const element = document.createElement("video-js");
  holder.append(element);
  // VHS warns about changes of these constants. A short stream is not switched otherwise.
  videojs.log.level("error");
  videojs.Vhs.GOAL_BUFFER_LENGTH = BUFFER_SECS;
  videojs.Vhs.MAX_GOAL_BUFFER_LENGTH = BUFFER_SECS;
  videojs.Vhs.MAX_BUFFER_LOW_WATER_LINE = 3600;
  const player = videojs(element, {
    muted: true,
    autoplay: true,
    width: 640,
    height: 360,
    liveui: false,
    sources: [{ src: order.url, type: "application/vnd.apple.mpegurl" }],
  });
  const handler = () => player.tech(true).vhs;
  const ladder = () =>
    handler()
      .playlists.main.playlists.slice()
      .sort((one, other) => one.attributes.RESOLUTION.height - other.attributes.RESOLUTION.height);
  player.on("error", () => order.onError(`video.js: fatal ${player.error()?.message}`));
  player.ready(() => {
    player.tech(true).on("usage", (event) => {
      if (RECOVERIES.test(event.name)) order.onError(`video.js: ${event.name}`);
    });
    // VHS calls this for the next rung before the first segment and after each one.
    handler().selectPlaylist = () => {
      if (!order.course) order.onRungs(ladder().map((rung) => rung.attributes.RESOLUTION.height));
      if (handler().playlists.media() === ladder()[order.course.wanted]) order.course.advance();
      return ladder()[order.course.wanted];
    };
  });
  return { video: element.querySelector("video") };
}

export const PLAYERS = {
  hlsjs: { start: hlsjs, manners: ["now", "seamless"] },
  videojs: { start: vhs, manners: ["seamless"] },
};
