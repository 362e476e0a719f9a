import { CheckCheck, RotateCcw, Tag, Tags, Trash2, Undo2, X } from "lucide-react";
import type { Video } from "../api/types";
import { text } from "../text";
import { Button, IconButton } from "../ui/Button";
import { isRetryable } from "./actions";
import { useLibrary } from "./context";
import css from "./SelectionBar.module.css";
import { isRestorable } from "./trash";

interface SelectionBarProps {
  selected: Video[];
  loaded: number;
  onSelectAll: () => void;
  onClear: () => void;
  onAddTag: () => void;
  onRemoveTag: () => void;
}

/** What can be done with all selected videos. */
export function SelectionBar(props: SelectionBarProps) {
  const { selected, loaded, onSelectAll, onClear, onAddTag, onRemoveTag } = props;
  const { remove, restore, retry } = useLibrary();
  const words = text.library;
  const retryable = selected.filter(isRetryable);
  const restorable = selected.filter((video) => isRestorable(video.purge_after));
  const isTrash = selected.every(({ state }) => state === "deleting");
  return (
    <section className={css.bar} aria-label={words.selection} data-testid="selection">
      <IconButton label={words.clearSelection} icon={<X />} onClick={onClear} />
      <p className={css.count} role="status">
        {words.selected(selected.length)}
      </p>
      {selected.length < loaded && (
        <Button
          look="ghost"
          className={css.all ?? ""}
          icon={<CheckCheck />}
          onClick={onSelectAll}
          data-testid="select-all"
        >
          {words.selectLoaded(loaded)}
        </Button>
      )}
      <div className={css.actions}>
        {isTrash ? (
          restorable.length > 0 && (
            <Button icon={<Undo2 />} onClick={() => restore(restorable)}>
              {words.restore}
            </Button>
          )
        ) : (
          <>
            {retryable.length > 0 && (
              <Action
                icon={<RotateCcw />}
                label={words.retryCount(retryable.length)}
                onClick={() => retry(retryable)}
              />
            )}
            <Action icon={<Tag />} label={words.addTag} onClick={onAddTag} />
            <Action icon={<Tags />} label={words.removeTag} onClick={onRemoveTag} />
            <Action icon={<Trash2 />} label={words.delete} onClick={() => remove(selected)} isBad />
          </>
        )}
      </div>
    </section>
  );
}

interface ActionProps {
  icon: React.ReactNode;
  label: string;
  onClick: () => void;
  isBad?: boolean;
}

// Its words are for screen readers alone where there is no room.
function Action({ icon, label, onClick, isBad = false }: ActionProps) {
  return (
    <Button
      icon={icon}
      title={label}
      onClick={onClick}
      className={`${css.action} ${isBad ? css.bad : ""}`}
    >
      <span className={css.words}>{label}</span>
    </Button>
  );
}
