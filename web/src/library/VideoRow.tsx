// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed one by one are no <table>.
// biome-ignore-all lint/a11y/useFocusableInteractive: what is in them has the focus.
import { memo } from "react";
import { Link } from "wouter";
import { titleOf } from "../api/video";
import { text } from "../text";
import { clock } from "../ui/format";
import { Age } from "./Age";
import { useLibrary } from "./context";
import { Detail, hasNews } from "./Detail";
import { Poster } from "./Poster";
import { StateBadge } from "./StateBadge";
import { qualityOf } from "./share";
import css from "./Table.module.css";
import type { ItemProps } from "./VideoCard";
import { VideoMenu } from "./VideoMenu";

/** The cells of a video in the table. */
export const VideoRow = memo(function VideoRow({ video, index, isSelected, isTabStop }: ItemProps) {
  const { mayManage, select, filterTag } = useLibrary();
  const tabIndex = isTabStop ? 0 : -1;
  const title = titleOf(video);
  const created = video.timings.created_at;
  return (
    <div
      className={`${css.cells} ${isSelected ? css.selected : ""}`}
      role="presentation"
      data-testid="video"
      data-id={video.id}
    >
      <div role="cell" className={css.check}>
        {mayManage && (
          <label>
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
      </div>
      <div role="cell" className={css.titleCell}>
        <Link
          href={`/watch/${video.id}`}
          className={css.link}
          tabIndex={tabIndex}
          data-index={index}
        >
          <Poster video={video} size="row" />
          <span className={css.names}>
            <span className={css.title} title={title} data-testid="title">
              {title}
            </span>
            {video.title && <span className={css.file}>{video.filename}</span>}
          </span>
        </Link>
      </div>
      <div role="cell" className={css.state}>
        <StateBadge video={video} />
        {hasNews(video) && <Detail video={video} />}
      </div>
      <div role="cell" className={`${css.number} ${css.length}`}>
        {video.duration_secs != null && clock(video.duration_secs)}
      </div>
      <div role="cell" className={css.quality}>
        {qualityOf(video)}
      </div>
      <div role="cell" className={css.tags}>
        {(video.tags ?? []).map((tag) => (
          <button
            key={tag}
            type="button"
            className={css.tag}
            tabIndex={-1}
            title={text.library.tagFilter(tag)}
            onClick={() => filterTag(tag)}
          >
            {tag}
          </button>
        ))}
      </div>
      <div role="cell" className={css.created}>
        {created && <Age at={created} />}
      </div>
      <div role="cell" className={css.menu}>
        <VideoMenu video={video} tabIndex={tabIndex} />
      </div>
    </div>
  );
});
