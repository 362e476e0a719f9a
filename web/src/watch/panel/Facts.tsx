import type { Video } from "../../api/types";
import { text } from "../../text/viewer";
import { clock, moment, span } from "../../ui/format";
import { Notice } from "../../ui/Notice";
import { secsBetween } from "../video";
import css from "./panel.module.css";
import { Section } from "./Section";

const took = (secs: number | null) => (secs === null ? null : span(secs));

/** What is known of the file and of its encode. */
export function Facts({ video }: { video: Video }) {
  const { created_at, started_at, playable_at, finished_at } = video.timings;
  const rows: [string, string | null | undefined][] = [
    [text.watch.fileName, video.filename],
    [
      text.watch.duration,
      video.duration_secs == null ? null : clock(Math.round(video.duration_secs)),
    ],
    [text.watch.backend, video.backend],
    [text.watch.createdAt, created_at && moment(created_at)],
    [text.watch.waited, took(secsBetween(created_at, started_at))],
    [text.watch.untilPlayable, took(secsBetween(started_at, playable_at))],
    [text.watch.encoded, took(secsBetween(started_at, finished_at))],
    [text.watch.attempt, video.attempt > 1 ? String(video.attempt) : null],
    [text.watch.externalId, video.external_id],
    [text.watch.expires, video.expires_at && moment(video.expires_at)],
    [text.watch.videoId, video.id],
  ];
  return (
    <Section title={text.watch.facts} testId="facts">
      <dl className={css.facts}>
        {rows.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      {video.backend_failures?.map(({ backend, message, quarantined }) => (
        <Notice key={`${backend} ${message}`} tone="warn">
          {text.watch.backendFailed(backend)}: {message}
          {quarantined && ` ${text.watch.quarantined}`}
        </Notice>
      ))}
    </Section>
  );
}
