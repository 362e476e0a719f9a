import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { Link } from "wouter";
import { videoQuery } from "../api/queries";
import type { Video } from "../api/types";
import { useMay } from "../session/session";
import { text } from "../text";
import { bytes, percent } from "../ui/format";
import { Progress } from "../ui/Progress";
import type { Item, StageName } from "./item";
import { NeedsFile } from "./NeedsFile";
import { RowActions } from "./RowActions";
import { StageIcon } from "./StageIcon";
import { Twin } from "./Twin";
import css from "./UploadRow.module.css";
import type { Uploads } from "./uploads";
import { shownStage } from "./view";

export interface RowProps {
  item: Item;
  queue: Uploads;
  /** Bytes that are sent. */
  sent: number;
  /** Bytes per second, if they are known. */
  speed: number | null;
}

/** One file: its name, how far it is, and what can be done with it. */
export const UploadRow = memo(function UploadRow({ item, queue, sent, speed }: RowProps) {
  const stage = shownStage(item);
  const videoId = (item.upload ?? item.shown?.upload)?.videoId;
  const mayRead = useMay("read");
  // The state of the video after its upload, as far as the user may see it.
  const isAsked = stage === "done" && videoId !== undefined && mayRead;
  const { data } = useQuery({ ...videoQuery(videoId ?? ""), enabled: isAsked });
  const video = isAsked ? data : undefined;
  const hasBar = stage !== "done" && stage !== "failed" && stage !== "duplicate";
  return (
    <li
      className={css.row}
      data-testid="upload-item"
      data-stage={item.stage}
      data-shown={stage}
      data-name={item.name}
      data-key={item.key}
      data-video={videoId}
      data-stored={item.stored}
    >
      <StageIcon stage={video?.state === "failed" ? "failed" : stage} />
      <div className={css.body}>
        <div className={css.top}>
          {videoId ? (
            <Link
              href={`/watch/${encodeURIComponent(videoId)}`}
              className={css.name}
              title={pathOf(item)}
              data-testid="upload-watch"
            >
              {item.name}
            </Link>
          ) : (
            <span className={css.name} title={pathOf(item)}>
              {item.name}
            </span>
          )}
          <RowActions item={item} stage={stage} queue={queue} videoId={videoId} />
        </div>
        {hasBar && (
          <div className={css.bar} data-testid="upload-progress">
            <Progress
              label={text.upload.progressOf(item.name)}
              share={item.size > 0 ? sent / item.size : 0}
            />
          </div>
        )}
        <p className={`${css.facts} ${stage === "failed" ? css.bad : ""}`}>
          <Facts item={item} stage={stage} sent={sent} speed={speed} video={video} />
        </p>
        {item.stage === "duplicate" && item.twin && <Twin item={item} queue={queue} />}
        {item.stage === "needs-file" && <NeedsFile item={item} queue={queue} sent={sent} />}
      </div>
    </li>
  );
});

const pathOf = ({ folder, name }: Item) => (folder ? `${folder}/${name}` : name);

interface FactsProps {
  item: Item;
  stage: StageName;
  sent: number;
  speed: number | null;
  video: Video | undefined;
}

function Facts({ item, stage, sent, speed, video }: FactsProps) {
  const words = text.upload.stages[stage];
  const state = item.stage === "elsewhere" ? text.upload.elsewhere(words) : words;
  switch (stage) {
    case "sending": {
      const facts = [text.upload.sentOf(sent, item.size)];
      if (item.stage === "elsewhere") facts.unshift(state);
      if (speed) facts.push(text.upload.speed(speed), text.upload.left((item.size - sent) / speed));
      return facts.join(" · ");
    }
    case "done":
      return <DoneFacts state={state} size={item.size} video={video} />;
    case "failed":
      return <span data-testid="upload-error">{item.message || state}</span>;
    case "offline":
      return [state, item.message].filter(Boolean).join(" · ");
    case "paused":
    case "signed-out":
      return `${state} · ${text.upload.sentOf(sent, item.size)}`;
    default:
      return `${state} · ${bytes(item.size)}`;
  }
}

interface DoneProps {
  state: string;
  size: number;
  video: Video | undefined;
}

function DoneFacts({ state, size, video }: DoneProps) {
  if (!video) return `${state} · ${bytes(size)}`;
  const shown = text.common.state(video.state);
  if (video.state === "failed") {
    return (
      <span className={css.bad} data-testid="upload-state" data-state="failed">
        {shown}
        {video.error ? `: ${video.error.message}` : ""}
      </span>
    );
  }
  const isRunning = video.state === "running" && video.progress > 0;
  return (
    <span data-testid="upload-state" data-state={video.state}>
      {`${bytes(size)} · ${shown}${isRunning ? ` ${percent(video.progress)}` : ""}`}
    </span>
  );
}
