import {
  ChevronDown,
  ChevronUp,
  CircleCheck,
  CloudUpload,
  Pause,
  Play,
  TriangleAlert,
  X,
} from "lucide-react";
import { useState } from "react";
import { text } from "../text";
import { Button, IconButton } from "../ui/Button";
import { percent } from "../ui/format";
import { Progress } from "../ui/Progress";
import css from "./DockPanel.module.css";
import { type ItemEvent, isOver } from "./item";
import { useQueue } from "./UploadProvider";
import { UploadRow } from "./UploadRow";
import type { Uploads } from "./uploads";
import { useNews } from "./useNews";
import { headline, inOrder, isBusy, shownStage, type Totals, totals } from "./view";

const NARROW = "(max-width: 44rem)";

/** All files of the queue, and their total. */
export default function DockPanel() {
  const queue = useQueue();
  const [isOpen, setOpen] = useState(() => !matchMedia(NARROW).matches);
  const items = queue.queue.items.filter(({ stage }) => stage !== "cancelled");
  const all = totals(items, (item) => queue.sentBytes(item), queue.batchAt);
  const news = useNews(items);
  const look = all.failed > 0 && !isBusy(all) ? "bad" : isBusy(all) ? "accent" : "good";
  return (
    <section
      className={css.dock}
      aria-label={text.upload.region}
      data-testid="uploads"
      data-open={isOpen}
    >
      <header className={css.header}>
        <span className={`${css.icon} ${css[look]}`} aria-hidden="true">
          {look === "bad" ? <TriangleAlert /> : look === "good" ? <CircleCheck /> : <CloudUpload />}
        </span>
        <div className={css.titles}>
          <h2 className={css.title} data-testid="upload-headline">
            {headline(all)}
          </h2>
          <Facts queue={queue} totals={all} />
        </div>
        <AllButton queue={queue} totals={all} />
        <IconButton
          label={isOpen ? text.upload.collapse : text.upload.expand}
          title={isOpen ? text.upload.collapse : text.upload.expand}
          icon={isOpen ? <ChevronDown /> : <ChevronUp />}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        />
        {items.every(({ stage }) => isOver(stage) || stage === "failed") && (
          <IconButton
            label={text.upload.clear}
            title={text.upload.clear}
            icon={<X />}
            onClick={() => {
              for (const { key, stage } of items) {
                if (stage === "done") queue.dismiss(key);
                else queue.wish(key, { type: "cancel" });
              }
            }}
          />
        )}
      </header>
      {all.share !== null && (
        <div className={css.total} data-testid="upload-total">
          <Progress label={text.upload.progressOfAll} share={all.share} />
        </div>
      )}
      {isOpen && all.duplicates > 1 && <Duplicates queue={queue} count={all.duplicates} />}
      {isOpen && (
        <div className={css.scroll}>
          <ul>
            {inOrder(items).map((item) => (
              <UploadRow
                key={item.key}
                item={item}
                queue={queue}
                sent={queue.sentBytes(item)}
                speed={queue.speedOf(item.key)}
              />
            ))}
          </ul>
        </div>
      )}
      <div className="visually-hidden" role="status">
        {news}
      </div>
    </section>
  );
}

function Facts({ queue, totals }: { queue: Uploads; totals: Totals }) {
  const facts: string[] = [];
  if (totals.all > 1) facts.push(text.upload.ofAll(totals.done, totals.all));
  const speed = queue.meter.speed(Date.now());
  if (totals.share !== null) facts.push(percent(totals.share));
  if (totals.underWay > 0 && speed !== null && speed > 0) {
    facts.push(text.upload.speed(speed), text.upload.left(totals.bytesLeft / speed));
  }
  if (isBusy(totals) && totals.needsUser > 0)
    facts.unshift(text.upload.waitsForYou(totals.needsUser));
  return <p className={css.facts}>{facts.join(" · ")}</p>;
}

function toAll(queue: Uploads, event: ItemEvent): void {
  for (const { key } of queue.queue.items) queue.wish(key, event);
}

/** Pauses all or goes on with all, where there are several. */
function AllButton({ queue, totals }: { queue: Uploads; totals: Totals }) {
  if (totals.all < 2) return null;
  if (isBusy(totals)) {
    return (
      <IconButton
        label={text.upload.pauseAll}
        title={text.upload.pauseAll}
        icon={<Pause />}
        onClick={() => toAll(queue, { type: "pause" })}
      />
    );
  }
  if (totals.paused === 0) return null;
  return (
    <IconButton
      label={text.upload.resumeAll}
      title={text.upload.resumeAll}
      icon={<Play />}
      onClick={() => toAll(queue, { type: "resume" })}
    />
  );
}

function Duplicates({ queue, count }: { queue: Uploads; count: number }) {
  const decide = (event: ItemEvent) => {
    for (const item of queue.queue.items) {
      if (shownStage(item) === "duplicate") queue.wish(item.key, event);
    }
  };
  return (
    <div className={css.duplicates}>
      <span>{text.upload.duplicates(count)}</span>
      <Button onClick={() => decide({ type: "cancel" })}>{text.upload.skipAll}</Button>
      <Button look="ghost" onClick={() => decide({ type: "allow" })}>
        {text.upload.uploadAll}
      </Button>
    </div>
  );
}
