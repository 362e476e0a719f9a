import { type FormEvent, useState } from "react";
import { EVENT_KINDS } from "../api/live";
import { text } from "../text/operator";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { Choice } from "./Choice";
import css from "./forms.module.css";
import { Toggle } from "./Toggle";
import type { EventKind, Webhook, WebhookRequest } from "./types";

interface WebhookFormProps {
  /** The one that is changed; nothing for a new one. */
  webhook?: Webhook;
  error: Error | null;
  isBusy: boolean;
  onSubmit: (request: Required<WebhookRequest>) => void;
  onCancel: () => void;
}

/** URL, description and events of a webhook. */
export function WebhookForm({ webhook, error, isBusy, onSubmit, onCancel }: WebhookFormProps) {
  const [isAll, setAll] = useState((webhook?.events.length ?? 0) === 0);
  const [events, setEvents] = useState<EventKind[]>(webhook?.events ?? []);
  const [isRefused, setRefused] = useState(false);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const isEmpty = !isAll && events.length === 0;
    setRefused(isEmpty);
    if (isEmpty) return;
    onSubmit({
      url: String(data.get("url")).trim(),
      description: String(data.get("description")).trim(),
      events: isAll ? [] : events,
    });
  };

  return (
    <form className={css.form} onSubmit={submit} data-testid="webhook-form">
      <Field
        label={text.settings.url}
        hint={text.settings.urlHint}
        name="url"
        type="url"
        required
        placeholder="https://example.com/hooks"
        defaultValue={webhook?.url}
      />
      <Field
        label={text.settings.description}
        hint={text.settings.descriptionHint}
        name="description"
        maxLength={200}
        defaultValue={webhook?.description}
      />
      <fieldset className={css.choices}>
        <legend>{text.settings.events}</legend>
        <Toggle label={text.settings.allEvents} checked={isAll} onChange={setAll} />
        {!isAll &&
          EVENT_KINDS.map((kind) => (
            <Choice
              key={kind}
              label={<code>{kind}</code>}
              more={text.settings.kind(kind)}
              checked={events.includes(kind)}
              onChange={(isChosen) =>
                setEvents(isChosen ? [...events, kind] : events.filter((one) => one !== kind))
              }
            />
          ))}
      </fieldset>
      {isRefused && <Notice tone="bad">{text.settings.chooseEvents}</Notice>}
      {error && <Notice tone="bad">{error.message}</Notice>}
      <footer className={css.actions}>
        <Button onClick={onCancel}>{text.common.cancel}</Button>
        <Button look="primary" type="submit" disabled={isBusy}>
          {webhook ? text.common.save : text.settings.create}
        </Button>
      </footer>
    </form>
  );
}
