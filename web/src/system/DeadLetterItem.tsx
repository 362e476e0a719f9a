import { RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import type { DeadLetter } from "../api/types";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { moment } from "../ui/format";
import { useDelete, useRetry } from "./deadLetters";
import css from "./Queue.module.css";

/** One message that the queue gave up on. */
export function DeadLetterItem({ letter }: { letter: DeadLetter }) {
  const [isAsking, setAsking] = useState(false);
  const retry = useRetry();
  const remove = useDelete();
  const name = letter.key ?? letter.video_id ?? text.system.unnamed;
  return (
    <li className={css.letter} data-testid="dead-letter" data-id={letter.id}>
      <div className={css.words}>
        <div className={css.head}>
          {letter.video_id ? (
            <Link href={`/watch/${encodeURIComponent(letter.video_id)}`} className={css.name}>
              {name}
            </Link>
          ) : (
            <span className={css.name}>{name}</span>
          )}
          {letter.code && <Badge tone="bad">{letter.code}</Badge>}
        </div>
        {letter.reason && <p className={css.reason}>{letter.reason}</p>}
        <p className={css.facts}>
          {text.system.died(moment(letter.died_at))} · {text.system.received(letter.receive_count)}
        </p>
        <details className={css.message}>
          <summary>{text.system.message}</summary>
          <pre>{pretty(letter.body)}</pre>
        </details>
      </div>
      <div className={css.actions}>
        <Button icon={<RotateCcw />} onClick={() => retry.mutate(letter.id)}>
          {text.common.retry}
        </Button>
        <IconButton
          label={text.common.delete}
          icon={<Trash2 />}
          look="plain"
          onClick={() => setAsking(true)}
        />
      </div>
      <Confirm
        open={isAsking}
        onOpenChange={setAsking}
        title={text.system.deadConfirm}
        description={text.system.deadConfirmMore}
        confirm={text.common.delete}
        onConfirm={() => remove.mutate(letter.id)}
      />
    </li>
  );
}

// The body is cut at 2 kB, so it may be no JSON any more.
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
