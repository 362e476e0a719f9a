import {
  CircleAlert,
  CircleCheck,
  CirclePause,
  Clock,
  CloudOff,
  CloudUpload,
  Copy,
  FileQuestion,
  KeyRound,
} from "lucide-react";
import type { ReactNode } from "react";
import type { StageName } from "./item";
import css from "./UploadRow.module.css";

const ICONS: Record<StageName, [ReactNode, string | undefined]> = {
  checking: [<Clock key="" />, css.soft],
  duplicate: [<Copy key="" />, css.warn],
  waiting: [<Clock key="" />, css.soft],
  creating: [<CloudUpload key="" />, css.accent],
  sending: [<CloudUpload key="" />, css.accent],
  completing: [<CloudUpload key="" />, css.accent],
  paused: [<CirclePause key="" />, css.soft],
  offline: [<CloudOff key="" />, css.warn],
  "signed-out": [<KeyRound key="" />, css.warn],
  "needs-file": [<FileQuestion key="" />, css.warn],
  elsewhere: [<CloudUpload key="" />, css.soft],
  done: [<CircleCheck key="" />, css.good],
  failed: [<CircleAlert key="" />, css.bad],
  cancelled: [<CircleAlert key="" />, css.soft],
};

/** A picture of the stage, which is written beside it as well. */
export function StageIcon({ stage }: { stage: StageName }) {
  const [icon, colour] = ICONS[stage];
  return (
    <span className={`${css.icon} ${colour}`} aria-hidden="true">
      {icon}
    </span>
  );
}
