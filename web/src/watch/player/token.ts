/** A URL of a private video with its token. */
export function withToken(url: string, token: string | null): string {
  if (!token) return url;
  const withIt = new URL(url, location.href);
  withIt.searchParams.set("token", token);
  return withIt.href;
}
