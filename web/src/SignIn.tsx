import { type FormEvent, useState } from "react";
import type { Session } from "./api";
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
      onSession(await signIn(token));
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
    }
  };

  return (
    <form className="sign-in" onSubmit={submit} data-testid="sign-in">
      <h2>Sign in</h2>
      <label>
        Token
        <input
          name="token"
          type="password"
          autoComplete="current-password"
          placeholder="ldr_…"
          required
          spellCheck={false}
          data-testid="token"
        />
      </label>
      <button type="submit" disabled={busy}>
        Sign in
      </button>
      {error && (
        <p className="error" role="alert" data-testid="error">
          {error}
        </p>
      )}
      <p className="hint">
        Without a token, ask who runs this server for a sign-in link: <code>ladderd token link</code>{" "}
        prints one.
      </p>
    </form>
  );
}
