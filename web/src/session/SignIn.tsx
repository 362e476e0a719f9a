import { type FormEvent, useState } from "react";
import type { Session } from "../api/types";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { Logo } from "../ui/Logo";
import { Notice } from "../ui/Notice";
import css from "./SignIn.module.css";
import { signIn } from "./session";

interface SignInProps {
  message: string | null;
  onSession: (session: Session) => void;
}

// Asks for a token. The link of the first start, or of `ladderd token link`, signs in without one.
export function SignIn({ message, onSession }: SignInProps) {
  const [error, setError] = useState(message);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get("token") ?? "");
    setBusy(true);
    setError(null);
    try {
      onSession(await signIn(token.trim()));
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
    }
  };

  return (
    <main className={css.page}>
      <form className={css.card} onSubmit={submit} data-testid="sign-in">
        <Logo />
        <h1>{text.session.signIn}</h1>
        <Field
          label={text.session.token}
          name="token"
          type="password"
          autoComplete="current-password"
          placeholder="ldr_…"
          required
          spellCheck={false}
          data-testid="token"
        />
        <Button look="primary" type="submit" disabled={busy}>
          {text.session.signIn}
        </Button>
        {error && (
          <Notice tone="bad" testId="error">
            {error}
          </Notice>
        )}
        <p className={css.hint}>
          {text.session.hint} <code>{text.session.command}</code>
        </p>
      </form>
    </main>
  );
}
