import { Activity, Download, MoreHorizontal, RotateCcw, Share2, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Video } from "../../api/types";
import { useMay } from "../../session/session";
import { text } from "../../text/viewer";
import { Button, IconButton } from "../../ui/Button";
import { bytes } from "../../ui/format";
import { Menu, type MenuItem } from "../../ui/Menu";
import { tell, tellError } from "../../ui/toasts";
import { useRemove, useRetry } from "../changes";
import { download } from "../download";
import type { PlayerHandle } from "../player/create";
import { fileBytes, rungsOf } from "../video";
import css from "./Head.module.css";
import { ShareDialog } from "./ShareDialog";

interface ActionsProps {
  video: Video;
  handle: PlayerHandle | null;
  canChange: boolean;
}

export function Actions({ video, handle, canChange }: ActionsProps) {
  const mayRead = useMay("read");
  const remove = useRemove(video.id);
  const retry = useRetry(video.id);
  const [sharedAt, setSharedAt] = useState<number | null>(null);

  const downloads = rungsOf(video).map((rung): MenuItem => {
    const size = fileBytes(rung, video.duration_secs);
    return {
      label: text.watch.downloadRung(rung.label ?? rung.name, size === null ? "" : bytes(size)),
      onSelect: () => {
        download(video.id, rung.name, () => tell(text.watch.downloadMaking)).catch((reason) =>
          tellError(text.watch.downloadFailed, reason),
        );
      },
    };
  });
  const more: (MenuItem | null)[] = [];
  if (handle) {
    more.push({ label: text.watch.stats, icon: <Activity />, onSelect: handle.toggleStats });
  }
  if (canChange) {
    if (video.state === "failed" || video.state === "waiting") {
      more.push({ label: text.watch.retryVideo, icon: <RotateCcw />, onSelect: retry });
    }
    if (more.length > 0) more.push(null);
    more.push({ label: text.watch.deleteVideo, icon: <Trash2 />, danger: true, onSelect: remove });
  }

  return (
    <div className={css.actions}>
      {video.playable && (
        <Button
          icon={<Share2 />}
          onClick={() => setSharedAt(handle?.currentSecs() ?? 0)}
          data-testid="share"
        >
          {text.watch.share}
        </Button>
      )}
      {video.state === "ready" && mayRead && downloads.length > 0 && (
        <Menu
          trigger={<Button icon={<Download />}>{text.watch.download}</Button>}
          items={downloads}
        />
      )}
      {more.length > 0 && (
        <Menu
          trigger={
            <IconButton look="plain" label={text.watch.moreActions} icon={<MoreHorizontal />} />
          }
          items={more}
        />
      )}
      <ShareDialog
        video={video}
        atSecs={sharedAt ?? 0}
        open={sharedAt !== null}
        onOpenChange={(open) => !open && setSharedAt(null)}
      />
    </div>
  );
}
