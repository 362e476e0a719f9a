import { useInfiniteQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, Clock, Inbox, RotateCcw } from "lucide-react";
import { Link } from "wouter";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { moment } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Blank } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import css from "./Deliveries.module.css";
import { deliveriesQuery } from "./queries";
import type { Delivery } from "./types";
import { useReplay } from "./webhookActions";

/** The deliveries of a webhook with their attempts. */
export function Deliveries({ id }: { id: string }) {
  const query = useInfiniteQuery(deliveriesQuery(id));
  const { hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  return (
    <Panel
      title={text.settings.deliveries}
      description={text.settings.deliveriesMore}
      isFlush
      testId="deliveries"
    >
      <Loaded query={query}>
        {({ pages }) => {
          const deliveries = pages.flatMap((page) => page.deliveries);
          return deliveries.length === 0 ? (
            <Blank icon={<Inbox />} title={text.settings.noDeliveries}>
              {text.settings.noDeliveriesMore}
            </Blank>
          ) : (
            <>
              <ul className={css.list}>
                {deliveries.map((delivery) => (
                  <Item key={delivery.id} webhook={id} delivery={delivery} />
                ))}
              </ul>
              {hasNextPage && (
                <div className={css.more}>
                  <Button onClick={() => void fetchNextPage()} disabled={isFetchingNextPage}>
                    {text.settings.showMore}
                  </Button>
                </div>
              )}
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}

const LOOKS = {
  delivered: { tone: "good", icon: <CircleCheck /> },
  failed: { tone: "bad", icon: <CircleX /> },
  pending: { tone: "warn", icon: <Clock /> },
} as const;

function Item({ webhook, delivery }: { webhook: string; delivery: Delivery }) {
  const { id, type, status, video_id: video, attempts, next_at: next } = delivery;
  const replay = useReplay(webhook);
  const look = LOOKS[status] ?? LOOKS.pending;
  const last = attempts.at(-1);
  return (
    <li className={css.item} data-testid="delivery" data-state={status}>
      <span className={css.state}>
        <Badge tone={look.tone} icon={look.icon}>
          {text.settings.deliveryState(status)}
        </Badge>
      </span>
      <div className={css.words}>
        <p>
          <code className={css.kind}>{type}</code>
          {video && (
            <Link href={`/watch/${encodeURIComponent(video)}`} className={css.video}>
              {text.settings.video} {video.slice(0, 8)}
            </Link>
          )}
        </p>
        <p className={css.soft}>
          {last && moment(last.at)}
          {next && ` · ${text.settings.nextAt(moment(next))}`}
        </p>
        {attempts.length > 0 && (
          <details className={css.attempts}>
            <summary>{text.settings.attempts(attempts.length)}</summary>
            <ol>
              {attempts.map((attempt) => (
                <li key={attempt.at}>
                  {moment(attempt.at)}:{" "}
                  {attempt.status_code == null
                    ? text.settings.attemptFailed(attempt.duration_ms)
                    : text.settings.attemptAnswered(attempt.status_code, attempt.duration_ms)}
                  {attempt.error && <p className={css.error}>{attempt.error}</p>}
                </li>
              ))}
            </ol>
          </details>
        )}
      </div>
      {/* Test events are not kept. */}
      {type !== "webhook.ping" && (
        <Button icon={<RotateCcw />} onClick={() => replay.mutate(id)} disabled={replay.isPending}>
          {text.settings.replay}
        </Button>
      )}
    </li>
  );
}
