/** Copies text. Rejects if the browser refuses. */
export async function writeClipboard(what: string): Promise<void> {
  // Without TLS there is no clipboard but on this machine.
  if (navigator.clipboard) await navigator.clipboard.writeText(what);
  else copyBySelection(what);
}

function copyBySelection(what: string): void {
  const area = document.createElement("textarea");
  area.value = what;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error(what);
}
