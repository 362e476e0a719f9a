import {
  CircleAlert,
  CircleCheck,
  Clock,
  CloudUpload,
  Hourglass,
  LoaderCircle,
  Trash2,
} from "lucide-react";
import type { ReactNode } from "react";
import type { Video } from "../api/types";
import { text } from "../text";
import { Badge, type Tone } from "../ui/Badge";

const LOOKS: Record<string, { tone: Tone; icon: ReactNode }> = {
  uploading: { tone: "neutral", icon: <CloudUpload aria-hidden="true" /> },
  queued: { tone: "neutral", icon: <Clock aria-hidden="true" /> },
  waiting: { tone: "warn", icon: <Hourglass aria-hidden="true" /> },
  running: { tone: "accent", icon: <LoaderCircle aria-hidden="true" /> },
  ready: { tone: "good", icon: <CircleCheck aria-hidden="true" /> },
  failed: { tone: "bad", icon: <CircleAlert aria-hidden="true" /> },
  deleting: { tone: "neutral", icon: <Trash2 aria-hidden="true" /> },
};

/** The state of a video. */
export function StateBadge({ video }: { video: Video }) {
  const look = LOOKS[video.state] ?? { tone: "neutral" as const, icon: null };
  return (
    <Badge tone={look.tone} icon={look.icon} testId="state" state={video.state}>
      {text.common.state(video.state)}
    </Badge>
  );
}
