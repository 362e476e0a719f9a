import { lazy, Suspense } from "react";
import { useQueue } from "./UploadProvider";

const DockPanel = lazy(() => import("./DockPanel"));

/** The queue, docked at the bottom. It is loaded with the first file. */
export function UploadDock() {
  const { queue } = useQueue();
  const isShown = queue.items.some(({ stage }) => stage !== "cancelled");
  return isShown ? (
    <Suspense fallback={null}>
      <DockPanel />
    </Suspense>
  ) : null;
}
