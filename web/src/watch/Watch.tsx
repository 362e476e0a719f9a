import { useState } from "react";
import type { Video } from "../api/types";
import { titleOf } from "../api/video";
import { useMay } from "../session/session";
import { text } from "../text/viewer";
import { percent } from "../ui/format";
import { usePageTitle } from "../ui/usePageTitle";
import { Head } from "./head/Head";
import { Access } from "./panel/Access";
import { Activity } from "./panel/Activity";
import { Facts } from "./panel/Facts";
import { Poster } from "./panel/Poster";
import { Renditions } from "./panel/Renditions";
import { Report } from "./panel/Report";
import { Tracks } from "./panel/Tracks";
import type { PlayerHandle } from "./player/create";
import { Stage } from "./Stage";
import css from "./Watch.module.css";

/** The page of a video that is known. */
export function Watch({ video }: { video: Video }) {
  const mayManage = useMay("manage");
  const [handle, setHandle] = useState<PlayerHandle | null>(null);
  const name = titleOf(video);
  // The name of the tab tells how far the encode is.
  usePageTitle(video.state === "running" ? `${name} (${percent(video.progress)})` : name);
  const isDeleted = video.state === "deleting";
  const canChange = mayManage && !isDeleted;

  return (
    <div className={css.page}>
      <div className={css.main}>
        <Stage video={video} onHandle={setHandle} />
        <Head video={video} handle={handle} canChange={canChange} />
      </div>
      {!isDeleted && (
        <aside className={css.side} aria-label={text.watch.details}>
          {canChange && <Access video={video} />}
          <Tracks video={video} canChange={canChange} />
          {canChange && <Poster video={video} handle={handle} />}
          <Renditions video={video} />
          <Facts video={video} />
          <Report video={video} />
          <Activity video={video} />
        </aside>
      )}
    </div>
  );
}
