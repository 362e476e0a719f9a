import { Pause, Play, RotateCw, X } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { text } from "../text";
import { IconButton } from "../ui/Button";
import button from "../ui/Button.module.css";
import type { Item, ItemEvent, StageName } from "./item";
import css from "./UploadRow.module.css";
import type { Uploads } from "./uploads";

interface ActionsProps {
  item: Item;
  stage: StageName;
  queue: Uploads;
  videoId: string | undefined;
}

/** The buttons of a file, as its stage allows. */
export function RowActions({ item, stage, queue, videoId }: ActionsProps) {
  const { key, name } = item;
  const act = (label: string, icon: ReactNode, event: ItemEvent) => (
    <IconButton
      className={css.action}
      label={text.upload.of(label, name)}
      title={label}
      icon={icon}
      data-testid={`upload-${event.type}`}
      onClick={() => queue.wish(key, event)}
    />
  );
  const cancel = act(text.upload.cancel, <X />, { type: "cancel" });
  switch (stage) {
    case "waiting":
    case "creating":
    case "sending":
    case "completing":
    case "signed-out":
      return (
        <span className={css.actions}>
          {act(text.upload.pause, <Pause />, { type: "pause" })}
          {cancel}
        </span>
      );
    case "offline":
      return (
        <span className={css.actions}>
          {act(text.upload.tryNow, <RotateCw />, { type: "resume" })}
          {act(text.upload.pause, <Pause />, { type: "pause" })}
          {cancel}
        </span>
      );
    case "paused":
      return (
        <span className={css.actions}>
          {act(text.upload.resume, <Play />, { type: "resume" })}
          {cancel}
        </span>
      );
    case "failed":
      return (
        <span className={css.actions}>
          {act(text.upload.retry, <RotateCw />, { type: "retry" })}
          {act(text.upload.dismiss, <X />, { type: "cancel" })}
        </span>
      );
    case "done":
      return (
        <span className={css.actions}>
          {videoId && (
            <Link
              href={`/watch/${encodeURIComponent(videoId)}`}
              className={`${button.button} ${button.plain} ${css.small}`}
              aria-label={text.upload.of(text.upload.watch, name)}
            >
              {text.upload.watch}
            </Link>
          )}
          <IconButton
            className={css.action}
            label={text.upload.of(text.upload.dismiss, name)}
            title={text.upload.dismiss}
            icon={<X />}
            onClick={() => queue.dismiss(key)}
          />
        </span>
      );
    case "checking":
    case "needs-file":
    case "elsewhere":
      return <span className={css.actions}>{cancel}</span>;
    case "duplicate":
    case "cancelled":
      return null;
  }
}
