// Who uses the page: nobody, somebody who has signed in, or anybody on this machine.

import { request } from "./api";

export interface Session {
  by: "none" | "loopback" | "token" | "grant" | "session" | "proxy";
  name: string;
  scopes: string[];
  insecure: boolean;
}

const LINK = "#sign-in=";

export const getSession = () => request<Session>("GET", "/v1/session");

export const signIn = (token: string) => request<Session>("POST", "/v1/session", { token });

export const signOut = () => request<void>("DELETE", "/v1/session");

// Signs in if the page was opened by a sign-in link, whose code works once. It goes from the address bar first.
export async function useLink(): Promise<Session | null> {
  if (!location.hash.startsWith(LINK)) return null;
  const code = location.hash.slice(LINK.length);
  history.replaceState(null, "", location.pathname + location.search);
  return request<Session>("POST", "/v1/session", { code });
}
