import { useEffect, useRef, useState } from "react";
import videojs from "video.js";
import type VideoJsPlayer from "video.js/dist/types/player";
import "video.js/dist/video-js.css";
import { showChapters } from "./chapters";
import { showStoryboard } from "./storyboard";

interface PlayerProps {
  url: string;
  posterUrl: string | undefined;
  storyboardUrl: string | undefined;
  chaptersUrl: string | undefined;
  onError: (text: string) => void;
}

// Plays a stream from its beginning, also while it is still growing.
export function Player({ url, posterUrl, storyboardUrl, chaptersUrl, onError }: PlayerProps) {
  const holder = useRef<HTMLDivElement>(null);
  const [player, setPlayer] = useState<VideoJsPlayer | null>(null);
  useEffect(() => {
    if (!holder.current) return;
    const element = document.createElement("video-js");
    element.classList.add("vjs-big-play-centered");
    holder.current.append(element);
    const made = videojs(element, {
      controls: true,
      fluid: true,
      autoplay: true,
      muted: true,
      liveui: false,
      sources: [{ src: url, type: "application/vnd.apple.mpegurl" }],
    });
    // A growing stream counts as live, and live begins at its end; a film does not.
    made.one("playing", () => {
      if ((made.currentTime() ?? 0) > 1) made.currentTime(0);
    });
    made.on("error", () => onError(made.error()?.message ?? "The video cannot be played."));
    setPlayer(made);
    return () => {
      setPlayer(null);
      made.dispose();
    };
  }, [url, onError]);

  // All may come while the video plays already, which goes on.
  useEffect(() => {
    if (player && !player.isDisposed() && posterUrl) player.poster(posterUrl);
  }, [player, posterUrl]);
  useEffect(() => {
    if (player && !player.isDisposed() && storyboardUrl)
      return showStoryboard(player, storyboardUrl);
    return undefined;
  }, [player, storyboardUrl]);
  useEffect(() => {
    if (player && !player.isDisposed() && chaptersUrl) return showChapters(player, chaptersUrl);
    return undefined;
  }, [player, chaptersUrl]);

  return <div data-vjs-player data-testid="player" ref={holder} />;
}
