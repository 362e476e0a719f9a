import { useEffect, useState } from "react";
import { followEvents } from "../../api/live";
import type { Video, VideoEvent } from "../../api/types";
import { text } from "../../text/viewer";
import { moment } from "../../ui/format";
import css from "./panel.module.css";
import { Fold } from "./Section";

const MOST = 50;

/** The events of this video since the page was opened. They come by the stream that all tabs share. */
export function Activity({ video }: { video: Video }) {
  const { id } = video;
  const [events, setEvents] = useState<VideoEvent[]>([]);
  useEffect(
    () =>
      followEvents((live) => {
        if (live.kind !== "event" || live.event.data.id !== id) return;
        const { event } = live;
        setEvents((known) =>
          known.some((one) => one.id === event.id) ? known : [event, ...known].slice(0, MOST),
        );
      }),
    [id],
  );
  return (
    <Fold title={text.watch.activity} testId="activity">
      {events.length === 0 ? (
        <p className={css.soft}>{text.watch.activityNone}</p>
      ) : (
        <ol className={css.items} aria-live="polite">
          {events.map((event) => (
            <li key={event.id} className={css.event}>
              <span>{text.watch.events[event.type] ?? event.type}</span>
              <time className={css.soft} dateTime={event.created_at}>
                {moment(event.created_at)}
              </time>
            </li>
          ))}
        </ol>
      )}
    </Fold>
  );
}
