import { useEffect, useRef, useState } from "react";
import { showChapters } from "./chapters";
import { createPlayer, type PlayerHandle, type PlayerOptions } from "./create";
import css from "./Player.module.css";
import { showStoryboard } from "./storyboard";
import { addMissingSubtitles } from "./subtitles";
import { withToken } from "./token";

interface PlayerProps
  extends Pick<PlayerOptions, "id" | "url" | "token" | "durationSecs" | "startSecs" | "autoplays"> {
  posterUrl: string | null;
  storyboardUrl: string | null;
  chaptersUrl: string | null;
  /** Whether the encode still runs. */
  isGrowing: boolean;
  sendsBeacons: boolean;
  onError: (message: string) => void;
  onRefused: () => void;
  onHandle: (handle: PlayerHandle | null) => void;
  /** It shows its first frame. */
  onStart: () => void;
}

/** Plays a stream from its beginning, also while it is still growing. */
export default function Player(props: PlayerProps) {
  const { url, token, durationSecs, posterUrl, storyboardUrl, chaptersUrl, isGrowing, onHandle } =
    props;
  const holder = useRef<HTMLDivElement>(null);
  const [handle, setHandle] = useState<PlayerHandle | null>(null);
  const newest = useRef(props);
  newest.current = props;

  // Another URL is another stream; all else reaches the player while it plays.
  useEffect(() => {
    if (!holder.current) return;
    const made = createPlayer(holder.current, {
      ...newest.current,
      url,
      isMuted: false,
      kind: "page",
      onError: (message) => newest.current.onError(message),
      onRefused: () => newest.current.onRefused(),
    });
    made.player.one("playing", () => newest.current.onStart());
    setHandle(made);
    onHandle(made);
    return () => {
      setHandle(null);
      onHandle(null);
      made.dispose();
    };
  }, [url, onHandle]);

  useEffect(() => handle?.setToken(token), [handle, token]);
  useEffect(() => handle?.setDuration(durationSecs), [handle, durationSecs]);
  // A newer token changes nothing of what is loaded already.
  useEffect(() => {
    if (posterUrl) handle?.player.poster(withToken(posterUrl, newest.current.token));
  }, [handle, posterUrl]);
  useEffect(() => {
    if (!handle || !storyboardUrl) return;
    return showStoryboard(handle.player, withToken(storyboardUrl, newest.current.token));
  }, [handle, storyboardUrl]);
  useEffect(() => {
    if (!handle || !chaptersUrl) return;
    return showChapters(handle.player, withToken(chaptersUrl, newest.current.token));
  }, [handle, chaptersUrl]);

  const wasGrowing = useRef(isGrowing);
  useEffect(() => {
    if (!handle || isGrowing || !wasGrowing.current) return;
    wasGrowing.current = false;
    void addMissingSubtitles(handle.player, withToken(url, newest.current.token));
  }, [handle, isGrowing, url]);

  return <div className={css.holder} data-testid="player" ref={holder} />;
}
