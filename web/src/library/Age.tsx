import { useSyncExternalStore } from "react";
import { moment } from "../ui/format";
import { age } from "./age";

const EVERY_MS = 30_000;

function subscribe(onChange: () => void): () => void {
  const timer = setInterval(onChange, EVERY_MS);
  return () => clearInterval(timer);
}
const now = () => Math.floor(Date.now() / EVERY_MS) * EVERY_MS;

/** How long ago something was. */
export function Age({ at }: { at: string }) {
  const time = useSyncExternalStore(subscribe, now);
  return (
    <time dateTime={at} title={moment(at)}>
      {age(Date.parse(at), time)}
    </time>
  );
}
