import type { Video } from "../api/types";
import { RenameDialog } from "./RenameDialog";
import { AddTag, EditTags, RemoveTag } from "./TagDialogs";

export type Dialog =
  | { kind: "rename" | "tags"; video: Video }
  | { kind: "add" | "remove"; videos: Video[] }
  | null;

interface DialogsProps {
  dialog: Dialog;
  tags: string[];
  onClose: () => void;
  onRename: (video: Video, title: string) => void;
  onTags: (video: Video, tags: string[]) => void;
  onTag: (videos: Video[], tag: string, isAdded: boolean) => void;
}

/** The one dialog that is open. */
export default function Dialogs({ dialog, tags, onClose, onRename, onTags, onTag }: DialogsProps) {
  switch (dialog?.kind) {
    case undefined:
      return null;
    case "rename":
      return (
        <RenameDialog
          video={dialog.video}
          onClose={onClose}
          onRename={(title) => onRename(dialog.video, title)}
        />
      );
    case "tags":
      return (
        <EditTags
          video={dialog.video}
          onClose={onClose}
          onTags={(wanted) => onTags(dialog.video, wanted)}
        />
      );
    case "add":
      return (
        <AddTag
          videos={dialog.videos}
          tags={tags}
          onClose={onClose}
          onTag={(tag) => onTag(dialog.videos, tag, true)}
        />
      );
    case "remove":
      return (
        <RemoveTag
          videos={dialog.videos}
          onClose={onClose}
          onTag={(tag) => onTag(dialog.videos, tag, false)}
        />
      );
  }
}
