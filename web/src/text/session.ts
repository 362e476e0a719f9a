export const session = {
  signIn: "Sign in",
  signOut: "Sign out",
  signOutEverywhere: "Sign out everywhere",
  token: "Token",
  hint: "Without a token, ask who runs this server for a sign-in link. It is printed by",
  command: "ladderd token link",
  insecure:
    "This server has no TLS: others on the network can read your token and what you upload.",
  ended: "Your session has ended: sign in again. Uploads that were running wait for you.",
};
