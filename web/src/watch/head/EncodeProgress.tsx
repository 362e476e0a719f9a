import type { Video } from "../../api/types";
import { text } from "../../text/viewer";
import { percent, span } from "../../ui/format";
import { Progress } from "../../ui/Progress";
import css from "./Head.module.css";

/** How far the encode is, how fast, and how long it still takes. */
export function EncodeProgress({ video }: { video: Video }) {
  const { progress, speed, eta_secs: left } = video;
  const more = [
    speed == null ? null : text.watch.encodeSpeed(speed),
    left == null ? null : text.watch.encodeLeft(span(left)),
  ].filter((part) => part !== null);
  return (
    <div className={css.progress} data-testid="encode-progress">
      <Progress label={text.watch.encoding} share={progress} />
      <p className={css.numbers}>
        <span>
          {text.watch.encoding} {percent(progress)}
        </span>
        <span>{more.join(" · ")}</span>
      </p>
    </div>
  );
}
