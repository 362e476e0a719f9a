// Who uses the page: nobody, somebody who has signed in, or anybody on this machine.

import { createContext, useContext } from "react";
import { api, body } from "../api/client";
import type { Scope, Session, SignIn } from "../api/types";

const LINK = "#sign-in=";

export const nobody: Session = {
  by: "none",
  name: "",
  scopes: [],
  insecure: false,
  beacons: false,
};

export const getSession = () => body(api.GET("/v1/session"));

const begin = (how: SignIn) => body(api.POST("/v1/session", { body: how }));

export const signIn = (token: string) => begin({ token });

export const signOut = () => api.DELETE("/v1/session");

export const signOutEverywhere = () => api.DELETE("/v1/sessions");

// Signs in if the page was opened by a sign-in link, whose code works once. It goes from the address bar first.
export async function redeemLink(): Promise<Session | null> {
  if (!location.hash.startsWith(LINK)) return null;
  const code = location.hash.slice(LINK.length);
  history.replaceState(null, "", location.pathname + location.search);
  return begin({ code });
}

export const SessionContext = createContext<Session>(nobody);

export const useSession = () => useContext(SessionContext);

/** Whether somebody with these rights may do what needs `needed`. */
export function may(scopes: readonly Scope[], needed: Scope): boolean {
  return (
    scopes.includes(needed) ||
    scopes.includes("admin") ||
    (needed === "read" && scopes.includes("manage"))
  );
}

export const useMay = (needed: Scope) => may(useSession().scopes, needed);
