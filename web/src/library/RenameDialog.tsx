import { type FormEvent, useId } from "react";
import type { Video } from "../api/types";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";

interface RenameDialogProps {
  video: Video;
  onClose: () => void;
  onRename: (title: string) => void;
}

export function RenameDialog({ video, onClose, onRename }: RenameDialogProps) {
  const form = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onRename(String(new FormData(event.currentTarget).get("title") ?? ""));
    onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={text.library.renameTitle}
      actions={
        <>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button look="primary" type="submit" form={form}>
            {text.common.save}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit}>
        <Field
          label={text.library.newTitle}
          hint={text.library.titleHint(video.filename)}
          name="title"
          defaultValue={video.title ?? ""}
          maxLength={200}
          autoComplete="off"
          onFocus={(event) => event.target.select()}
        />
      </form>
    </Dialog>
  );
}
