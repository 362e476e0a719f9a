import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Ellipsis, KeyRound, Pencil, RotateCcw, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { moment } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Menu } from "../ui/Menu";
import { Blank, Notice } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { Deliveries } from "./Deliveries";
import { webhooksQuery } from "./queries";
import { Toggle } from "./Toggle";
import type { Webhook } from "./types";
import { EditWebhook, ReplaySince, SecretDialog } from "./WebhookDialogs";
import css from "./WebhookPage.module.css";
import { WebhookState } from "./Webhooks";
import { useChange, useRemove, useRotate, useTest } from "./webhookActions";

const LIST = "/settings/webhooks";

/** One webhook with its deliveries. */
export function WebhookPage({ id }: { id: string }) {
  const query = useQuery({
    ...webhooksQuery,
    select: (webhooks) => webhooks.find((one) => one.id === id) ?? null,
  });
  return (
    <>
      <Link href={LIST} className={css.back}>
        <ArrowLeft aria-hidden="true" />
        {text.settings.back}
      </Link>
      <Loaded query={query}>
        {(webhook) =>
          webhook ? <Details webhook={webhook} /> : <Blank title={text.common.notFound} />
        }
      </Loaded>
    </>
  );
}

type Asking = "edit" | "rotate" | "replay" | "delete" | null;

function Details({ webhook }: { webhook: Webhook }) {
  const { id, url, description, failing_since: failing, last_error: error } = webhook;
  const [asking, setAsking] = useState<Asking>(null);
  const [, navigate] = useLocation();
  const change = useChange(id);
  const rotate = useRotate(id);
  const remove = useRemove(id);
  const test = useTest(id);
  const stop = () => setAsking(null);
  return (
    <>
      <Panel
        title={description || url}
        description={description ? url : undefined}
        testId="webhook-page"
        actions={
          <>
            <WebhookState webhook={webhook} />
            <Toggle
              label={text.settings.receives(description || url)}
              isLabelHidden
              checked={webhook.state === "active"}
              onChange={(isOn) => change.mutate({ state: isOn ? "active" : "paused" })}
              testId="webhook-on"
            />
            <Button icon={<Send />} onClick={() => test.mutate()} disabled={test.isPending}>
              {text.settings.test}
            </Button>
            <Menu
              trigger={
                <IconButton
                  label={text.settings.more(description || url)}
                  icon={<Ellipsis />}
                  look="plain"
                />
              }
              items={[
                {
                  label: text.settings.editWebhook,
                  icon: <Pencil />,
                  onSelect: () => setAsking("edit"),
                },
                {
                  label: text.settings.rotate,
                  icon: <KeyRound />,
                  onSelect: () => setAsking("rotate"),
                },
                {
                  label: text.settings.replaySince,
                  icon: <RotateCcw />,
                  onSelect: () => setAsking("replay"),
                },
                null,
                {
                  label: text.common.delete,
                  icon: <Trash2 />,
                  danger: true,
                  onSelect: () => setAsking("delete"),
                },
              ]}
            />
          </>
        }
      >
        <Facts webhook={webhook} />
        {failing && (
          <Notice tone="bad">
            {text.settings.failingSince(moment(failing))} {error}
          </Notice>
        )}
        {webhook.reason && <Notice tone="warn">{webhook.reason}</Notice>}
      </Panel>
      <Deliveries id={id} />
      <EditWebhook webhook={webhook} open={asking === "edit"} onClose={stop} />
      <ReplaySince id={id} open={asking === "replay"} onClose={stop} />
      <Confirm
        open={asking === "rotate"}
        onOpenChange={stop}
        title={text.settings.rotateConfirm}
        description={text.settings.rotateConfirmMore}
        confirm={text.settings.rotate}
        onConfirm={() => rotate.mutate()}
      />
      {rotate.data && <SecretDialog secret={rotate.data.secret} onClose={() => rotate.reset()} />}
      <Confirm
        open={asking === "delete"}
        onOpenChange={stop}
        title={text.settings.deleteWebhook}
        description={text.settings.deleteWebhookMore}
        confirm={text.common.delete}
        onConfirm={() => remove.mutate(undefined, { onSuccess: () => navigate(LIST) })}
      />
    </>
  );
}

function Facts({ webhook }: { webhook: Webhook }) {
  const { events, created_at: created, old_secret_expires_at: old } = webhook;
  return (
    <div className={css.facts}>
      <ul className={css.events} aria-label={text.settings.events}>
        {events.length === 0 ? (
          <li>
            <Badge>{text.settings.allEvents}</Badge>
          </li>
        ) : (
          events.map((kind) => (
            <li key={kind}>
              <Badge>{kind}</Badge>
            </li>
          ))
        )}
      </ul>
      <p className={css.soft}>
        {text.settings.made(moment(created))}
        {old && ` · ${text.settings.secretRotated(moment(old))}`}
      </p>
    </div>
  );
}
