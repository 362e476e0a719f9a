// Who uses the page: nobody, somebody who has signed in, or anybody on this machine.

import { request, type Session, type SignIn } from "./api";

const LINK = "#sign-in=";

export const getSession = () => request<Session>("GET", "/v1/session");

const begin = (how: SignIn) => request<Session>("POST", "/v1/session", how);

export const signIn = (token: string) => begin({ token });

export const signOut = () => request<void>("DELETE", "/v1/session");

// Signs in if the page was opened by a sign-in link, whose code works once. It goes from the address bar first.
export async function useLink(): Promise<Session | null> {
  if (!location.hash.startsWith(LINK)) return null;
  const code = location.hash.slice(LINK.length);
  history.replaceState(null, "", location.pathname + location.search);
  return begin({ code });
}
