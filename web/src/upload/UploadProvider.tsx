import type { ReactNode } from "react";

export function UploadProvider({ children }: { children: ReactNode }) {
  return children;
}

/** For other features: adds files to the queue, opens the chooser. */
export interface Uploads {
  add: (files: File[]) => void;
  choose: () => void;
}

export function useUploads(): Uploads {
  return { add: () => undefined, choose: () => undefined };
}
