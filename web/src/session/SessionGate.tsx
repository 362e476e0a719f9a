import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError, SIGNED_OUT } from "../api/client";
import type { Session } from "../api/types";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Blank } from "../ui/Notice";
import { SignIn } from "./SignIn";
import { getSession, nobody, redeemLink, SessionContext } from "./session";

/** Shows the page to somebody who has signed in, and the form to everybody else. */
export function SessionGate({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [session, setSession] = useState<Session | null>(null);
  const [message, setMessage] = useState<string | null>(null);
  const [isUnreachable, setUnreachable] = useState(false);

  useEffect(() => {
    const begin = async () => {
      try {
        setSession((await redeemLink()) ?? (await getSession()));
      } catch (reason) {
        if (reason instanceof ApiError && reason.status === 0) {
          setUnreachable(true);
          return;
        }
        setMessage(reason instanceof Error ? reason.message : String(reason));
        setSession(await getSession().catch(() => nobody));
      }
    };
    void begin();
  }, []);

  useEffect(() => {
    const ended = () =>
      setSession((session) => {
        if (session && session.by !== "none") setMessage(text.session.ended);
        return nobody;
      });
    addEventListener(SIGNED_OUT, ended);
    return () => removeEventListener(SIGNED_OUT, ended);
  }, []);

  if (isUnreachable) {
    return (
      <main>
        <Blank
          title={text.common.noAnswer}
          action={<Button onClick={() => location.reload()}>{text.common.retry}</Button>}
        />
      </main>
    );
  }
  if (!session) return null;
  if (session.by === "none") {
    return (
      <SignIn
        message={message}
        onSession={(begun) => {
          client.clear();
          setMessage(null);
          setSession(begun);
        }}
      />
    );
  }
  return <SessionContext value={session}>{children}</SessionContext>;
}
