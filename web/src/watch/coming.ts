// Parts of the API that its document does not describe yet.

import type { Session, SourceWarning, Video, VideoError } from "../api/types";

export interface Finding {
  rule: string;
  level: "MUST" | "SHOULD";
  place: string;
  message: string;
}

/** Answer of `GET /v1/videos/{id}/report`. */
export interface VideoReport {
  video_id: string;
  outcome: string;
  attempt: number;
  backend?: string | null;
  backend_failures: Video["backend_failures"];
  duration_secs?: number | null;
  renditions: Video["renditions"];
  warnings: SourceWarning[];
  timings: Video["timings"];
  conformance?: { findings: Finding[] } | null;
  failed_update?: VideoError | null;
  error?: VideoError | null;
}

/** Whether the server takes beacons. */
export const takesBeacons = (session: Session) =>
  (session as Session & { beacons?: boolean }).beacons === true;
