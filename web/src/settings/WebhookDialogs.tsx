import { type FormEvent, useState } from "react";
import { text } from "../text/operator";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";
import css from "./forms.module.css";
import { Secret } from "./Secret";
import type { Webhook } from "./types";
import { WebhookForm } from "./WebhookForm";
import { useChange, useCreate, useReplaySince } from "./webhookActions";

interface DialogState {
  open: boolean;
  onClose: () => void;
}

/** Makes a webhook, then shows its secret this once. */
export function NewWebhook({ open, onClose }: DialogState) {
  const create = useCreate();
  const close = () => {
    onClose();
    create.reset();
  };
  if (create.data) return <SecretDialog secret={create.data.secret} onClose={close} />;
  return (
    <Dialog
      open={open}
      onOpenChange={(isOpen) => !isOpen && close()}
      title={text.settings.newWebhook}
    >
      <WebhookForm
        error={create.error}
        isBusy={create.isPending}
        onCancel={close}
        onSubmit={create.mutate}
      />
    </Dialog>
  );
}

export function EditWebhook({ webhook, open, onClose }: DialogState & { webhook: Webhook }) {
  const change = useChange(webhook.id);
  return (
    <Dialog
      open={open}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={text.settings.editWebhook}
    >
      <WebhookForm
        webhook={webhook}
        error={change.error}
        isBusy={change.isPending}
        onCancel={onClose}
        onSubmit={(request) => change.mutate(request, { onSuccess: onClose })}
      />
    </Dialog>
  );
}

/** The secret of a webhook. */
export function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog
      open
      isKept
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={text.settings.webhookSecret}
      actions={<Button onClick={onClose}>{text.settings.done}</Button>}
    >
      <Secret
        label={text.settings.webhookSecret}
        value={secret}
        more={text.settings.webhookSecretMore}
        testId="webhook-secret"
      />
    </Dialog>
  );
}

const HOUR_MS = 3_600_000;

// The form that `datetime-local` takes: the time on this machine's clock, to the minute.
function local(time: number): string {
  const offset = new Date(time).getTimezoneOffset() * 60_000;
  return new Date(time - offset).toISOString().slice(0, 16);
}

/** Sends all events since a time once more. */
export function ReplaySince({ id, open, onClose }: DialogState & { id: string }) {
  const replay = useReplaySince(id);
  const [since, setSince] = useState(() => local(Date.now() - HOUR_MS));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    replay.mutate(new Date(since).toISOString(), { onSuccess: onClose });
  };
  return (
    <Dialog
      open={open}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={text.settings.replaySince}
      description={text.settings.replaySinceMore}
    >
      <form className={css.form} onSubmit={submit}>
        <Field
          label={text.settings.since}
          type="datetime-local"
          required
          value={since}
          onChange={(event) => setSince(event.target.value)}
        />
        <footer className={css.actions}>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button look="primary" type="submit" disabled={replay.isPending}>
            {text.settings.replay}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
