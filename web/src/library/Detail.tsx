import { RotateCcw, TriangleAlert, Undo2 } from "lucide-react";
import type { Video } from "../api/types";
import { titleOf } from "../api/video";
import { text } from "../text";
import { moment, percent, span } from "../ui/format";
import { Progress } from "../ui/Progress";
import { isRetryable } from "./actions";
import { useLibrary } from "./context";
import css from "./Detail.module.css";
import { isRestorable } from "./trash";

/** Whether there is more to say of a video than its tags. */
export const hasNews = (video: Video) =>
  video.state === "running" ||
  video.state === "deleting" ||
  Boolean(video.error) ||
  isRetryable(video) ||
  (video.warnings ?? []).length > 0;

/** The line about a video that matters most: its progress, what failed, a warning, or its tags. */
export function Detail({ video }: { video: Video }) {
  const { mayManage, retry, restore, filterTag } = useLibrary();
  const { state } = video;
  if (state === "running") return <Running video={video} />;
  if (state === "deleting") {
    const canRestore = isRestorable(video.purge_after);
    return (
      <div className={css.line}>
        <span className={css.words}>
          {canRestore && video.purge_after
            ? text.library.purge(moment(video.purge_after))
            : text.library.purging}
        </span>
        {mayManage && canRestore && (
          <button type="button" className={css.action} onClick={() => restore([video])}>
            <Undo2 aria-hidden="true" />
            {text.library.restore}
          </button>
        )}
      </div>
    );
  }
  if (video.error || isRetryable(video)) {
    return (
      <div className={css.line}>
        {video.error && (
          <span className={`${css.words} ${css.bad}`} title={video.error.message}>
            {video.error.message}
          </span>
        )}
        {mayManage && isRetryable(video) && (
          <button type="button" className={css.action} onClick={() => retry([video])}>
            <RotateCcw aria-hidden="true" />
            {text.library.retry}
          </button>
        )}
      </div>
    );
  }
  const [warning] = video.warnings ?? [];
  if (warning) {
    return (
      <div className={css.line} title={warning.message}>
        <TriangleAlert className={css.warn} aria-hidden="true" />
        <span className={`${css.words} ${css.warn}`}>{warning.message}</span>
      </div>
    );
  }
  return (
    <div className={css.tags}>
      {(video.tags ?? []).map((tag) => (
        <button
          key={tag}
          type="button"
          className={css.tag}
          title={text.library.tagFilter(tag)}
          onClick={() => filterTag(tag)}
          tabIndex={-1}
        >
          {tag}
        </button>
      ))}
    </div>
  );
}

function Running({ video }: { video: Video }) {
  const parts = [percent(video.progress)];
  if (video.speed) parts.push(text.library.speed(video.speed));
  if (video.eta_secs != null) parts.push(text.library.left(span(video.eta_secs)));
  return (
    <div className={css.running} data-testid="encode-progress">
      <Progress label={text.library.progressOf(titleOf(video))} share={video.progress} />
      <span className={css.figures}>{parts.join(" · ")}</span>
    </div>
  );
}
