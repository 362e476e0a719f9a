import { type FormEvent, useId } from "react";
import type { Video } from "../api/types";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";
import css from "./TagDialogs.module.css";

const MAX_TAG = 64;
const MAX_TAGS = 32;

/** Tags as they are typed, with commas between them. */
export const tagsOf = (typed: string) =>
  [...new Set(typed.split(",").map((tag) => tag.trim().slice(0, MAX_TAG)))]
    .filter((tag) => tag !== "")
    .slice(0, MAX_TAGS);

interface FormDialogProps {
  title: string;
  label: string;
  hint?: string;
  submit: string;
  initial?: string;
  suggestions?: string[];
  onClose: () => void;
  onSubmit: (typed: string) => void;
}

function FormDialog(props: FormDialogProps) {
  const { title, label, hint, submit, initial = "", suggestions = [], onClose, onSubmit } = props;
  const form = useId();
  const list = useId();
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit(String(new FormData(event.currentTarget).get("tags") ?? ""));
    onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={title}
      actions={
        <>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button look="primary" type="submit" form={form}>
            {submit}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={send}>
        <Field
          label={label}
          hint={hint}
          name="tags"
          defaultValue={initial}
          autoComplete="off"
          spellCheck={false}
          list={list}
        />
        <datalist id={list}>
          {suggestions.map((tag) => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
      </form>
    </Dialog>
  );
}

interface EditTagsProps {
  video: Video;
  onClose: () => void;
  onTags: (tags: string[]) => void;
}

/** All tags of one video. */
export function EditTags({ video, onClose, onTags }: EditTagsProps) {
  return (
    <FormDialog
      title={text.library.tagsTitle}
      label={text.library.tagsLabel}
      hint={text.library.tagsHint}
      submit={text.common.save}
      initial={(video.tags ?? []).join(", ")}
      onClose={onClose}
      onSubmit={(typed) => onTags(tagsOf(typed))}
    />
  );
}

interface BulkTagProps {
  videos: Video[];
  /** Tags to choose from. */
  tags: string[];
  onClose: () => void;
  onTag: (tag: string) => void;
}

/** One more tag for many videos. */
export function AddTag({ videos, tags, onClose, onTag }: BulkTagProps) {
  return (
    <FormDialog
      title={text.library.addTagTitle(videos.length)}
      label={text.library.newTag}
      submit={text.library.add}
      suggestions={tags}
      onClose={onClose}
      onSubmit={(typed) => {
        const [tag] = tagsOf(typed);
        if (tag) onTag(tag);
      }}
    />
  );
}

/** Takes a tag from many videos: each that one of them has is a button. */
export function RemoveTag({ videos, onClose, onTag }: Omit<BulkTagProps, "tags">) {
  const tags = [...new Set(videos.flatMap((video) => video.tags ?? []))].sort();
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={text.library.removeTagTitle(videos.length)}
      {...(tags.length === 0 ? { description: text.library.noTags } : {})}
    >
      <div className={css.tags}>
        {tags.map((tag) => (
          <Button
            key={tag}
            onClick={() => {
              onTag(tag);
              onClose();
            }}
          >
            {tag}
          </Button>
        ))}
      </div>
    </Dialog>
  );
}
