import { Copy } from "lucide-react";
import { useState } from "react";
import type { Video } from "../../api/types";
import { titleOf } from "../../api/video";
import { text } from "../../text/viewer";
import { IconButton } from "../../ui/Button";
import { writeClipboard } from "../../ui/clipboard";
import { Dialog } from "../../ui/Dialog";
import { embedCode, viewerUrl } from "../../ui/embedCode";
import { clock } from "../../ui/format";
import { tell, tellError } from "../../ui/toasts";
import { withStart } from "../player/start";
import { aspectOf } from "../video";
import css from "./ShareDialog.module.css";

interface ShareDialogProps {
  video: Video;
  /** Place of the player, for links that begin there. */
  atSecs: number;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

const WIDTH_PX = 640;

/** Links and the snippet for other pages. */
export function ShareDialog({ video, atSecs, open, onOpenChange }: ShareDialogProps) {
  const [hasStart, setHasStart] = useState(false);
  const isPrivate = video.visibility === "private";
  const start = hasStart ? atSecs : null;
  const viewer = viewerUrl(video);
  const height = Math.round(WIDTH_PX / aspectOf(video));
  const url = withStart(viewer, start);
  const snippet = embedCode({ url, title: titleOf(video), width: WIDTH_PX, height });
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={text.watch.shareTitle}>
      <div className={css.list} data-testid="share-dialog">
        {isPrivate && <p className={css.note}>{text.watch.sharePrivate}</p>}
        {atSecs >= 1 && (
          <label className={css.check}>
            <input
              type="checkbox"
              checked={hasStart}
              onChange={(event) => setHasStart(event.target.checked)}
            />
            {text.watch.shareAt(clock(atSecs))}
          </label>
        )}
        <CopyField label={text.watch.shareViewer} value={withStart(viewer, start)} />
        <CopyField label={text.watch.shareEmbed} value={snippet} rows={4} />
        <CopyField
          label={text.watch.sharePage}
          value={withStart(`${location.origin}/watch/${video.id}`, start)}
        />
        {!isPrivate && <CopyField label={text.watch.shareStream} value={video.playback_url} />}
      </div>
    </Dialog>
  );
}

interface CopyFieldProps {
  label: string;
  value: string;
  rows?: number;
}

function CopyField({ label, value, rows = 1 }: CopyFieldProps) {
  const copy = async () => {
    try {
      await writeClipboard(value);
      tell(text.common.copied);
    } catch {
      tellError(text.common.copy, text.watch.copyFailed);
    }
  };
  return (
    <div className={css.field}>
      <label className={css.label}>
        <span>{label}</span>
        <textarea
          readOnly
          rows={rows}
          value={value}
          className={rows === 1 ? css.line : ""}
          onFocus={(event) => event.target.select()}
        />
      </label>
      <IconButton look="plain" label={text.watch.copyField(label)} icon={<Copy />} onClick={copy} />
    </div>
  );
}
