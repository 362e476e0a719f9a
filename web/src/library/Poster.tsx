import { Film, Lock } from "lucide-react";
import { useState } from "react";
import type { Video } from "../api/types";
import { text } from "../text";
import { clock } from "../ui/format";
import css from "./Poster.module.css";
import { useFiles } from "./useFiles";
import { useHoverTiles } from "./useHoverTiles";

interface PosterProps {
  video: Video;
  /** Whether the storyboard runs. */
  isPlaying?: boolean;
  size: "card" | "row";
}

/** The poster of a video in a box of 16:9, whether it is there yet or not. */
export function Poster({ video, isPlaying = false, size }: PosterProps) {
  const files = useFiles(video);
  const [failedUrl, setFailedUrl] = useState<string | null>(null);
  const tile = useHoverTiles(files.storyboardUrl, isPlaying);
  const { posterUrl } = files;
  return (
    <div className={`${css.box} ${css[size]}`}>
      {posterUrl && posterUrl !== failedUrl ? (
        <img
          className={css.image}
          src={posterUrl}
          alt=""
          loading="lazy"
          decoding="async"
          onError={() => setFailedUrl(posterUrl)}
        />
      ) : (
        <Film className={css.fallback} aria-hidden="true" />
      )}
      {tile && (
        <div className={css.tiles} data-testid="storyboard">
          <div className={css.tile} style={tile.style} />
          <div className={css.share} style={{ transform: `scaleX(${tile.share})` }} />
        </div>
      )}
      {size === "card" && (
        <span className={css.badges}>
          {video.visibility === "private" && (
            <span className={css.badge}>
              <Lock aria-hidden="true" />
              {text.library.private}
            </span>
          )}
          {video.duration_secs != null && (
            <span className={css.badge}>{clock(video.duration_secs)}</span>
          )}
        </span>
      )}
    </div>
  );
}
