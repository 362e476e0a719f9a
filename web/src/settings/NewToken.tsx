import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body } from "../api/client";
import type { Scope } from "../api/types";
import { signIn, useSession } from "../session/session";
import { text } from "../text/operator";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field, Select } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { Choice } from "./Choice";
import css from "./forms.module.css";
import { tokenKeys } from "./queries";
import { Secret } from "./Secret";
import type { TokenRequest } from "./types";

const SCOPES: Scope[] = ["upload", "read", "manage", "metrics", "admin"];
const DAY_SECS = 86_400;
const EXPIRIES = {
  never: null,
  week: 7 * DAY_SECS,
  month: 30 * DAY_SECS,
  quarter: 90 * DAY_SECS,
  year: 365 * DAY_SECS,
} as const;
type Expiry = keyof typeof EXPIRIES;
const isExpiry = (key: string): key is Expiry => key in EXPIRIES;
const CHOICES = Object.keys(EXPIRIES)
  .filter(isExpiry)
  .map((value) => ({ value, label: text.settings.expiries[value] }));

const make = (request: TokenRequest) => body(api.POST("/v1/tokens", { body: request }));

// Without a token, all programs on this machine may do all. The first one ends this, so that the page signs in with
// it: its text would be lost with the view that shows it.
async function makeFirst(request: TokenRequest) {
  const made = await make(request);
  await signIn(made.token);
  return made;
}

/** Makes a token, then shows its text this once. */
export function NewToken({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const isFirst = useSession().by === "loopback";
  const create = useMutation({ mutationFn: isFirst ? makeFirst : make });
  const close = () => {
    // The page begins anew with the session of the token.
    if (isFirst && create.data) location.reload();
    onClose();
    create.reset();
    void client.invalidateQueries({ queryKey: tokenKeys });
  };
  const made = create.data;
  if (made) {
    return (
      <Dialog
        open
        isKept
        onOpenChange={(isOpen) => !isOpen && close()}
        title={text.settings.tokenMade}
        actions={<Button onClick={close}>{text.settings.done}</Button>}
      >
        <Secret
          label={made.name}
          value={made.token}
          more={text.settings.tokenMadeMore}
          testId="token-text"
        />
        {isFirst && <Notice tone="info">{text.settings.firstTokenMade}</Notice>}
      </Dialog>
    );
  }
  return (
    <Dialog
      open={open}
      onOpenChange={(isOpen) => !isOpen && close()}
      title={text.settings.newToken}
    >
      <TokenForm
        isFirst={isFirst}
        error={create.error}
        isBusy={create.isPending}
        onSubmit={create.mutate}
        onCancel={close}
      />
    </Dialog>
  );
}

interface TokenFormProps {
  isFirst: boolean;
  error: Error | null;
  isBusy: boolean;
  onSubmit: (request: TokenRequest) => void;
  onCancel: () => void;
}

function TokenForm({ isFirst, error, isBusy, onSubmit, onCancel }: TokenFormProps) {
  const [scopes, setScopes] = useState<Scope[]>([isFirst ? "admin" : "upload"]);
  const [expiry, setExpiry] = useState<Expiry>(isFirst ? "never" : "quarter");
  const [isRefused, setRefused] = useState(false);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    setRefused(scopes.length === 0);
    if (scopes.length > 0) onSubmit({ name, scopes, expires_in: EXPIRIES[expiry] });
  };

  return (
    <form className={css.form} onSubmit={submit} data-testid="token-form">
      {isFirst && <Notice tone="warn">{text.settings.firstToken}</Notice>}
      <Field
        label={text.settings.name}
        hint={text.settings.nameHint}
        name="name"
        required
        maxLength={100}
        autoComplete="off"
      />
      <fieldset className={css.choices}>
        <legend>{text.settings.scopes}</legend>
        {SCOPES.map((scope) => (
          <Choice
            key={scope}
            label={<code>{scope}</code>}
            more={text.settings.scope(scope)}
            checked={scopes.includes(scope)}
            testId={`scope-${scope}`}
            onChange={(isChosen) =>
              setScopes(isChosen ? [...scopes, scope] : scopes.filter((one) => one !== scope))
            }
          />
        ))}
      </fieldset>
      <Select label={text.settings.expiry} value={expiry} options={CHOICES} onChange={setExpiry} />
      {isRefused && <Notice tone="bad">{text.settings.chooseScopes}</Notice>}
      {error && <Notice tone="bad">{error.message}</Notice>}
      <footer className={css.actions}>
        <Button onClick={onCancel}>{text.common.cancel}</Button>
        <Button look="primary" type="submit" disabled={isBusy}>
          {text.settings.create}
        </Button>
      </footer>
    </form>
  );
}
