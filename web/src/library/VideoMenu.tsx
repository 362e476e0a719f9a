import {
  CodeXml,
  EllipsisVertical,
  Link as LinkIcon,
  Pencil,
  Play,
  RotateCcw,
  Tags,
  Trash2,
  Undo2,
} from "lucide-react";
import { useLocation } from "wouter";
import type { Video } from "../api/types";
import { titleOf } from "../api/video";
import { text } from "../text";
import { IconButton } from "../ui/Button";
import { Menu, type MenuItem } from "../ui/Menu";
import { isRetryable } from "./actions";
import { useLibrary } from "./context";
import { copy, embedOf, linkOf } from "./share";
import { isRestorable } from "./trash";

interface VideoMenuProps {
  video: Video;
  tabIndex: number;
}

/** What can be done with one video. */
export function VideoMenu({ video, tabIndex }: VideoMenuProps) {
  const actions = useLibrary();
  const [, navigate] = useLocation();
  const words = text.library;
  const items: (MenuItem | null)[] = [];
  if (video.state === "deleting") {
    if (actions.mayManage && isRestorable(video.purge_after)) {
      items.push({
        label: words.restore,
        icon: <Undo2 />,
        onSelect: () => actions.restore([video]),
      });
    }
    items.push({
      label: words.watch,
      icon: <Play />,
      onSelect: () => navigate(`/watch/${video.id}`),
    });
  } else {
    items.push(
      { label: words.watch, icon: <Play />, onSelect: () => navigate(`/watch/${video.id}`) },
      {
        label: words.copyLink,
        icon: <LinkIcon />,
        disabled: !video.playable,
        onSelect: () => void copy(linkOf(video), words.linkCopied),
      },
      {
        label: words.copyEmbed,
        icon: <CodeXml />,
        disabled: !video.playable,
        onSelect: () =>
          void copy(
            embedOf(video),
            video.visibility === "private" ? words.embedCopiedPrivate : words.embedCopied,
          ),
      },
    );
    if (actions.mayManage) {
      items.push(
        null,
        { label: words.rename, icon: <Pencil />, onSelect: () => actions.rename(video) },
        { label: words.editTags, icon: <Tags />, onSelect: () => actions.editTags(video) },
      );
      if (isRetryable(video)) {
        items.push({
          label: words.retry,
          icon: <RotateCcw />,
          onSelect: () => actions.retry([video]),
        });
      }
      items.push(null, {
        label: words.delete,
        icon: <Trash2 />,
        danger: true,
        onSelect: () => actions.remove([video]),
      });
    }
  }
  return (
    <Menu
      trigger={
        <IconButton
          label={words.actionsOf(titleOf(video))}
          icon={<EllipsisVertical />}
          tabIndex={tabIndex}
          data-testid="video-menu"
        />
      }
      items={items}
    />
  );
}
