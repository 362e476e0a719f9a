import { useEffect, useRef } from "react";
import videojs from "video.js";
import "video.js/dist/video-js.css";

// Plays a stream from its beginning, also while it is still growing.
export function Player({ url, onError }: { url: string; onError: (text: string) => void }) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!holder.current) return;
    const element = document.createElement("video-js");
    element.classList.add("vjs-big-play-centered");
    holder.current.append(element);
    const player = videojs(element, {
      controls: true,
      fluid: true,
      autoplay: true,
      muted: true,
      liveui: false,
      sources: [{ src: url, type: "application/vnd.apple.mpegurl" }],
    });
    // A growing stream counts as live, and live begins at its end; a film does not.
    player.one("playing", () => {
      if ((player.currentTime() ?? 0) > 1) player.currentTime(0);
    });
    player.on("error", () => onError(player.error()?.message ?? "The video cannot be played."));
    return () => player.dispose();
  }, [url, onError]);
  return <div data-vjs-player data-testid="player" ref={holder} />;
}
