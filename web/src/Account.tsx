import { useEffect, useState } from "react";
import { App } from "./App";
import { type Session, SIGNED_OUT } from "./api";
import { SignIn } from "./SignIn";
import { getSession, signOut, useLink as redeemLink } from "./session";

// The page of whoever has signed in, or the form to do so.
export function Account() {
  const [session, setSession] = useState<Session | null>(null);
  const [message, setMessage] = useState<string | null>(null);

  useEffect(() => {
    const begin = async () => {
      try {
        setSession((await redeemLink()) ?? (await getSession()));
      } catch (reason) {
        setMessage(reason instanceof Error ? reason.message : String(reason));
        setSession(await getSession().catch(() => nobody));
      }
    };
    const ended = () => setSession(nobody);
    addEventListener(SIGNED_OUT, ended);
    void begin();
    return () => removeEventListener(SIGNED_OUT, ended);
  }, []);

  if (!session) return null;
  if (session.by === "none") {
    return (
      <main>
        <h1>ladderd</h1>
        <SignIn
          message={message}
          onSession={(begun) => {
            setMessage(null);
            setSession(begun);
          }}
        />
      </main>
    );
  }
  const leave = async () => {
    await signOut();
    setSession(await getSession());
  };
  return (
    <>
      {session.insecure && (
        <p className="insecure" role="status" data-testid="insecure">
          This server has no TLS: others on the network can read your token and what you upload.
        </p>
      )}
      {session.by === "session" && (
        <p className="account" data-testid="account">
          {session.name}{" "}
          <button type="button" onClick={leave} data-testid="sign-out">
            Sign out
          </button>
        </p>
      )}
      {message && (
        <p className="insecure" role="alert">
          {message}
        </p>
      )}
      <App />
    </>
  );
}

const nobody: Session = { by: "none", name: "", scopes: [], insecure: false, beacons: false };
