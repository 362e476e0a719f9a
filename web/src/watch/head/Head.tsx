import type { Video } from "../../api/types";
import { titleOf } from "../../api/video";
import { useMay } from "../../session/session";
import { text } from "../../text/viewer";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { clock, day } from "../../ui/format";
import { Notice } from "../../ui/Notice";
import { useChange, useRetry } from "../changes";
import type { PlayerHandle } from "../player/create";
import { sizesOf, toneOf } from "../video";
import { Actions } from "./Actions";
import { Editable } from "./Editable";
import { EncodeProgress } from "./EncodeProgress";
import css from "./Head.module.css";
import { Tags } from "./Tags";

interface HeadProps {
  video: Video;
  handle: PlayerHandle | null;
  canChange: boolean;
}

/** Under the player: what the video is, how it stands, and what can be done with it. */
export function Head({ video, handle, canChange }: HeadProps) {
  const change = useChange(video.id);
  const sizes = sizesOf(video);
  // The stage shows the progress as long as nothing plays, and the reason of a failure.
  const isGrowing = video.state === "running" && video.playable;
  const hasFailedUpdate = video.error && video.state === "ready";
  return (
    <header className={css.head}>
      <div className={css.top}>
        <div className={css.words}>
          <Editable
            value={video.title ?? ""}
            shown={titleOf(video)}
            label={text.watch.title}
            edit={text.watch.editTitle}
            id={video.id}
            maxLength={200}
            canChange={canChange}
            look="title"
            onSave={(title, etag) => change({ title: title || null }, etag)}
          />
          <p className={css.facts}>
            <Badge tone={toneOf(video.state)} testId="state" state={video.state}>
              {text.common.state(video.state)}
            </Badge>
            {video.visibility === "private" && <Badge>{text.watch.private}</Badge>}
            {video.duration_secs != null && <span>{clock(Math.round(video.duration_secs))}</span>}
            {sizes && <span data-testid="sizes">{sizes}</span>}
            {video.timings.created_at && (
              <time dateTime={video.timings.created_at}>{day(video.timings.created_at)}</time>
            )}
          </p>
        </div>
        <Actions video={video} handle={handle} canChange={canChange} />
      </div>
      {isGrowing && <EncodeProgress video={video} />}
      {hasFailedUpdate && <FailedUpdate video={video} />}
      {video.warnings?.map(({ message }) => (
        <Notice key={message} tone="warn" testId="warning">
          {message}
        </Notice>
      ))}
      <Tags video={video} canChange={canChange} />
      <Editable
        value={video.description ?? ""}
        shown={video.description ?? ""}
        label={text.watch.description}
        edit={video.description ? text.watch.editDescription : text.watch.addDescription}
        id={video.id}
        maxLength={5000}
        canChange={canChange}
        look="text"
        onSave={(description, etag) => change({ description: description || null }, etag)}
      />
    </header>
  );
}

function FailedUpdate({ video }: { video: Video }) {
  const retry = useRetry(video.id);
  const mayManage = useMay("manage");
  return (
    <Notice
      tone="bad"
      testId="error"
      action={mayManage && <Button onClick={retry}>{text.watch.retryVideo}</Button>}
    >
      {text.watch.failedReady} {video.error?.message}
    </Notice>
  );
}
