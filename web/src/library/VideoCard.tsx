import { memo, useState } from "react";
import { Link } from "wouter";
import type { Video } from "../api/types";
import { titleOf } from "../api/video";
import { text } from "../text";
import { Age } from "./Age";
import { useLibrary } from "./context";
import { Detail } from "./Detail";
import { Poster } from "./Poster";
import { StateBadge } from "./StateBadge";
import { qualityOf } from "./share";
import css from "./VideoCard.module.css";
import { VideoMenu } from "./VideoMenu";

export interface ItemProps {
  video: Video;
  /** Its place in the whole list, from 0. */
  index: number;
  isSelected: boolean;
  /** Whether tab stops at it: it does at one of the list. */
  isTabStop: boolean;
}

/** A video as a card, with the size of its box. */
export const VideoCard = memo(function VideoCard({
  video,
  index,
  isSelected,
  isTabStop,
}: ItemProps) {
  const { mayManage, select } = useLibrary();
  const [isHovered, setHovered] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const tabIndex = isTabStop ? 0 : -1;
  const title = titleOf(video);
  const created = video.timings.created_at;
  const quality = video.state === "ready" ? qualityOf(video) : null;
  const stateId = `state-${video.id}`;
  return (
    <article
      className={`${css.card} ${isSelected ? css.selected : ""}`}
      data-testid="video"
      data-id={video.id}
      onPointerEnter={(event) => setHovered(event.pointerType === "mouse")}
      onPointerLeave={() => setHovered(false)}
    >
      <Link
        href={`/watch/${video.id}`}
        className={css.link}
        tabIndex={tabIndex}
        aria-describedby={stateId}
        data-index={index}
        onFocus={(event) => setFocused(event.currentTarget.matches(":focus-visible"))}
        onBlur={() => setFocused(false)}
      >
        <Poster video={video} isPlaying={isHovered || isFocused} size="card" />
        <h2 className={css.title} title={title} data-testid="title">
          {title}
        </h2>
      </Link>
      <div className={css.meta} id={stateId}>
        <StateBadge video={video} />
        {video.state === "running" && video.playable ? (
          <span className={css.soft}>{text.library.playableNow}</span>
        ) : (
          <span className={css.soft}>
            {quality && `${quality} · `}
            {created && <Age at={created} />}
          </span>
        )}
      </div>
      <div className={css.detail}>
        <Detail video={video} />
      </div>
      {mayManage && (
        <label className={css.check}>
          <input
            type="checkbox"
            checked={isSelected}
            tabIndex={tabIndex}
            aria-label={text.library.select(title)}
            onClick={(event) => select(video, event.shiftKey)}
            onChange={() => undefined}
          />
        </label>
      )}
      <div className={css.menu}>
        <VideoMenu video={video} tabIndex={tabIndex} />
      </div>
    </article>
  );
});
