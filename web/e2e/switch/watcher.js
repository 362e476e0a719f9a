// Watches a video element: stalls, jumps, holes in the buffer and the heights of its frames.

const SAMPLE_MS = 25;
// The clock of the element is exact to less than this.
const JUMP_SECS = 0.1;

export class Watcher {
  shown = [];
  gaps = [];
  longestStall = 0;
  longestStill = 0;
  firstFrame = null;
  firstTime = null;
  firstDuration = null;

  watch(video, onFrame) {
    this.video = video;
    this.begun = performance.now();
    this.sampling = setInterval(() => this.sample(), SAMPLE_MS);
    const frame = (_now, { height, mediaTime, presentationTime }) => {
      this.frame(height, mediaTime, presentationTime);
      onFrame(height);
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
  }

  stop() {
    this.sample();
    clearInterval(this.sampling);
  }

  frame(height, mediaTime, presented) {
    if (this.firstFrame === null) {
      this.firstFrame = presented - this.begun;
      this.firstTime = mediaTime;
      this.firstDuration = this.video.duration;
    } else {
      this.longestStill = Math.max(this.longestStill, presented - this.lastFrame);
    }
    this.lastFrame = presented;
    if (this.shown.at(-1) !== height) this.shown.push(height);
  }

  sample() {
    if (this.firstFrame === null) return;
    const now = performance.now() / 1000;
    const at = this.video.currentTime;
    this.moved ??= { now, at };
    const elapsed = now - this.moved.now;
    const advance = at - this.moved.at;
    // A late timer is no stall: progress is compared with the time that has really elapsed.
    this.stalled(elapsed - advance);
    if (advance - elapsed > JUMP_SECS || advance < -JUMP_SECS) {
      this.gap(`jump from ${this.moved.at.toFixed(3)} to ${at.toFixed(3)}`);
    }
    if (advance !== 0) this.moved = { now, at };
    this.holes();
  }

  stalled(secs) {
    if (secs <= this.longestStall) return;
    this.longestStall = secs;
    this.longestStallAt = this.moved.at;
  }

  holes() {
    const { buffered } = this.video;
    for (let n = 1; n < buffered.length; n += 1) {
      const [from, to] = [buffered.end(n - 1), buffered.start(n)];
      if (to - from > JUMP_SECS) this.gap(`hole from ${from.toFixed(3)} to ${to.toFixed(3)}`);
    }
  }

  // Many samples see the same hole.
  gap(text) {
    if (!this.gaps.includes(text)) this.gaps.push(text);
  }

  result(wantedSwitches) {
    const { video } = this;
    const switches = this.shown.slice(1).map((to, n) => `${this.shown[n]}-${to}`);
    const wanted = [...new Set(wantedSwitches.map(([from, to]) => `${from}-${to}`))];
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality();
    const secs = (value) => Math.round(value * 1000) / 1000;
    return {
      shown: this.shown,
      missing_switches: wanted.filter((name) => !switches.includes(name)),
      time_to_first_frame: secs(this.firstFrame / 1000),
      first_time: this.firstTime,
      // The duration of an EVENT playlist is infinite in VHS, and that of its segments in hls.js.
      was_growing:
        this.firstDuration > video.duration + 1 || this.firstDuration < video.duration - 1,
      longest_stall: secs(this.longestStall),
      longest_stall_at: secs(this.longestStallAt),
      longest_still: secs(this.longestStill / 1000),
      gaps: this.gaps,
      current_time: video.currentTime,
      duration: video.duration,
      ended: video.ended,
      dropped_frames: droppedVideoFrames,
      total_frames: totalVideoFrames,
    };
  }
}
