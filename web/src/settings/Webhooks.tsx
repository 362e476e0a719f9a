import { useQuery } from "@tanstack/react-query";
import { Plus, Webhook as WebhookIcon } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { moment } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Blank } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { webhooksQuery } from "./queries";
import { Toggle } from "./Toggle";
import type { Webhook } from "./types";
import { NewWebhook } from "./WebhookDialogs";
import css from "./Webhooks.module.css";
import { useChange } from "./webhookActions";

/** All webhooks. */
export function Webhooks() {
  const query = useQuery(webhooksQuery);
  const [isNew, setNew] = useState(false);
  const add = (
    <Button look="primary" icon={<Plus />} onClick={() => setNew(true)} data-testid="new-webhook">
      {text.settings.newWebhook}
    </Button>
  );
  return (
    <Panel
      title={text.settings.webhooksTitle}
      description={text.settings.webhooksMore}
      actions={add}
      isFlush
      testId="webhooks"
    >
      <Loaded query={query}>
        {(webhooks) =>
          webhooks.length === 0 ? (
            <Blank icon={<WebhookIcon />} title={text.settings.noWebhooks}>
              {text.settings.noWebhooksMore}
            </Blank>
          ) : (
            <ul className={css.list}>
              {webhooks.map((webhook) => (
                <Item key={webhook.id} webhook={webhook} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <NewWebhook open={isNew} onClose={() => setNew(false)} />
    </Panel>
  );
}

/** The state of a webhook in a word. */
export function WebhookState({ webhook }: { webhook: Webhook }) {
  if (webhook.state !== "active") return <Badge>{text.settings.paused}</Badge>;
  return webhook.failing_since ? (
    <Badge tone="bad">{text.settings.failing}</Badge>
  ) : (
    <Badge tone="good">{text.settings.active}</Badge>
  );
}

/** The events of a webhook in a few words. */
export const eventsOf = ({ events }: Webhook) =>
  events.length === 0 ? text.settings.allEvents : text.settings.eventCount(events.length);

function Item({ webhook }: { webhook: Webhook }) {
  const { id, url, description, created_at: created } = webhook;
  const change = useChange(id);
  return (
    <li className={css.item} data-testid="webhook">
      <Link href={`/settings/webhooks/${encodeURIComponent(id)}`} className={css.name}>
        <b>{description || url}</b>
        {description && <span className={css.soft}>{url}</span>}
      </Link>
      <span className={css.state}>
        <WebhookState webhook={webhook} />
      </span>
      <span className={css.soft}>
        {eventsOf(webhook)} · {text.settings.made(moment(created))}
      </span>
      <Toggle
        label={text.settings.receives(description || url)}
        isLabelHidden
        checked={webhook.state === "active"}
        onChange={(isOn) => change.mutate({ state: isOn ? "active" : "paused" })}
      />
    </li>
  );
}
