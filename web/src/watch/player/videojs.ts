// Parts of Video.js that its own types leave out.

import videojs from "video.js";
import type Player from "video.js/dist/types/player";
import "videojs-contrib-quality-levels";

export type { Player };
export { videojs };

/** A rung as Video.js lists it. */
export interface QualityLevel {
  id: string;
  width?: number;
  height?: number;
  bitrate: number;
  enabled: boolean;
}

export interface QualityLevels extends EventTarget {
  readonly length: number;
  readonly selectedIndex: number;
  [index: number]: QualityLevel;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

/** The engine that plays HLS. Safari plays HLS itself, and has none. */
export interface Vhs {
  /** Estimate in bit/s. */
  bandwidth: number;
  xhr: {
    onRequest(hook: (options: { uri: string }) => { uri: string }): void;
    onResponse(
      hook: (request: unknown, error: unknown, response?: { statusCode?: number }) => void,
    ): void;
  };
}

export interface Track {
  kind: string;
  language: string;
  label: string;
  mode: TextTrackMode;
}

export interface Tracks {
  readonly length: number;
  [index: number]: Track;
  addEventListener(event: string, listener: () => void): void;
  removeEventListener(event: string, listener: () => void): void;
}

type Tech = {
  vhs?: Vhs;
  duration(): number;
  setCurrentTime(secs: number): void;
  playbackRate(): number;
  trigger(event: string): void;
};

// Video.js warns of plugins that reach for the tech, unless they say that they know it.
export const techOf = (player: Player) =>
  player.tech({ IWillNotUseThisInPlugins: true }) as unknown as Tech;

export const vhsOf = (player: Player): Vhs | undefined =>
  player.isDisposed() ? undefined : techOf(player)?.vhs;

export const levelsOf = (player: Player): QualityLevels =>
  (player as unknown as { qualityLevels(): QualityLevels }).qualityLevels();

export const tracksOf = (player: Player): Tracks => player.textTracks() as unknown as Tracks;

/** The rung that plays, or undefined. */
export function currentLevel(player: Player): QualityLevel | undefined {
  const levels = levelsOf(player);
  return levels[levels.selectedIndex];
}

/** Size for people, such as `720p`: the short side, so that upright videos have the same names. */
export function levelName({ width, height }: QualityLevel): string {
  return `${Math.min(width ?? Number.MAX_VALUE, height ?? Number.MAX_VALUE)}p`;
}

export const currentSecs = (player: Player): number => player.currentTime() ?? 0;

/** The duration of a video, or Infinity as long as it is not known. */
export const durationSecs = (player: Player): number =>
  player.duration() || Number.POSITIVE_INFINITY;
