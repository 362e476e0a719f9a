/** A sentence in which `code` stands between backticks. */
export function Words({ text }: { text: string }) {
  // Its parts take turns: words, code, words.
  return text.split("`").map((part, at) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of a constant text have no other identity.
    at % 2 === 1 ? <code key={at}>{part}</code> : part,
  );
}
