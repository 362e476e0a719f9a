// The player of the page and of embeds: Video.js with the manners of this product. It needs no React.

import "@videojs/http-streaming";
import "video.js/dist/video-js.css";
import { watch as text } from "../../text/watch";
import { autoplay } from "./autoplay";
import { rememberCaptions } from "./captions";
import { beginAt, setKnownDuration } from "./growing";
import { addHotkeys, RATES } from "./hotkeys";
import { readPlace } from "./memory";
import { addMeter, sendBeaconAtEnd } from "./meter";
import type { Beacon } from "./qoe";
import { addQualityMenu } from "./quality";
import { remember, rememberVolume } from "./remember";
import "./skin.css";
import "./menus.css";
import { withToken } from "./token";
import { currentSecs, type Player, vhsOf, videojs } from "./videojs";

export interface PlayerOptions {
  id: string;
  /** The stream, without a token. */
  url: string;
  token: string | null;
  durationSecs: number | null;
  /** Where to begin; null is where somebody left it. */
  startSecs: number | null;
  autoplays: boolean;
  isMuted: boolean;
  kind: Beacon["player"];
  sendsBeacons: boolean;
  onError: (message: string) => void;
  /** The server or the store refuses what the token opened: it has expired. */
  onRefused: () => void;
}

export interface PlayerHandle {
  readonly player: Player;
  /** Takes a newer token. It plays on. */
  setToken(token: string | null): void;
  setDuration(secs: number | null): void;
  toggleStats(): void;
  currentSecs(): number;
  dispose(): void;
}

// Each part of the bar, from the left.
const BAR = [
  "progressControl",
  "playToggle",
  "skipBackward",
  "skipForward",
  "volumePanel",
  "currentTimeDisplay",
  "timeDivider",
  "durationDisplay",
  "customControlSpacer",
  "chaptersButton",
  "subsCapsButton",
  "audioTrackButton",
  "playbackRateMenuButton",
  "pictureInPictureToggle",
  "fullscreenToggle",
];

/** Makes a player in a holder, which it fills. */
export function createPlayer(holder: HTMLElement, options: PlayerOptions): PlayerHandle {
  const element = document.createElement("video-js");
  element.classList.add("vjs-big-play-centered", "vjs-fill");
  element.setAttribute("playsinline", "");
  holder.append(element);
  // Safari plays HLS itself, on phones in its own full screen.
  const isNative = videojs.browser.IS_ANY_SAFARI;
  const player: Player = videojs(element, {
    controls: true,
    preload: "auto",
    liveui: false,
    playbackRates: RATES,
    inactivityTimeout: 2500,
    textTrackSettings: false,
    controlBar: {
      children: BAR,
      skipButtons: { forward: 10, backward: 10 },
      volumePanel: { inline: true },
    },
    html5: {
      nativeTextTracks: isNative,
      nativeAudioTracks: isNative,
      vhs: { overrideNative: !isNative, useDevicePixelRatio: true },
    },
  });
  let { token } = options;
  addTokens(player, () => token);
  noticeRefusals(player, () => token !== null, options.onRefused);
  beginAt(player, options.startSecs ?? readPlace(options.id) ?? 0, options.durationSecs);
  const qoe = addMeter(player);
  if (options.sendsBeacons) sendBeaconAtEnd(player, qoe, options.kind);
  remember(player, options.id, options.isMuted);
  rememberCaptions(player);
  addQualityMenu(player);
  const toggleStats = () => {
    void import("./stats").then((stats) => stats.toggleStats(player, qoe));
  };
  addHotkeys(player, { toggleStats });
  player.on("error", () => options.onError(player.error()?.message || text.cannotPlay));
  player.src({ src: withToken(options.url, token), type: "application/vnd.apple.mpegurl" });
  if (options.autoplays) autoplay(player);
  else rememberVolume(player);
  return {
    player,
    setToken: (newer) => {
      token = newer;
    },
    setDuration: (secs) => setKnownDuration(player, secs),
    toggleStats,
    currentSecs: () => currentSecs(player),
    dispose: () => player.dispose(),
  };
}

// Playlists that are loaded later carry the token of the first one, which has ended by then.
function addTokens(player: Player, read: () => string | null): void {
  player.on("xhr-hooks-ready", () => {
    vhsOf(player)?.xhr.onRequest((request) => {
      const token = read();
      if (!token) return request;
      const url = new URL(request.uri, location.href);
      if (url.origin !== location.origin || !url.searchParams.has("token")) return request;
      return { ...request, uri: withToken(url.href, token) };
    });
  });
}

const REFUSED = [401, 403];

// The URLs of segments in a playlist that is loaded already end with its token. The engine would try them for ever.
function noticeRefusals(player: Player, isPrivate: () => boolean, onRefused: () => void): void {
  player.on("xhr-hooks-ready", () => {
    vhsOf(player)?.xhr.onResponse((_request, _error, response) => {
      if (isPrivate() && REFUSED.includes(response?.statusCode ?? 0)) onRefused();
    });
  });
}
