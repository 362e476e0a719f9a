import { Pencil } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { text } from "../../text/viewer";
import { Button, IconButton } from "../../ui/Button";
import { Field, TextArea } from "../../ui/Field";
import { readEtag } from "../changes";
import css from "./Head.module.css";

interface EditableProps {
  value: string;
  /** Stands for an empty value as well. */
  shown: string;
  label: string;
  /** Name of the button that begins. */
  edit: string;
  /** The video. */
  id: string;
  maxLength: number;
  canChange: boolean;
  look: "title" | "text";
  /** Returns whether it was saved. */
  onSave: (value: string, etag: string | null) => Promise<boolean>;
}

/** Text that is changed in its place. A change that somebody else made since it was begun is not overwritten. */
export function Editable(props: EditableProps) {
  const { value, shown, label, edit, id, maxLength, canChange, look, onSave } = props;
  const [draft, setDraft] = useState<string | null>(null);
  const etag = useRef<Promise<string | null>>(Promise.resolve(null));
  const pen = useRef<HTMLButtonElement>(null);

  const begin = () => {
    etag.current = readEtag(id).catch(() => null);
    setDraft(value);
  };
  const end = () => {
    setDraft(null);
    setTimeout(() => pen.current?.focus());
  };
  const save = async (event?: FormEvent) => {
    event?.preventDefault();
    const wanted = (draft ?? "").trim();
    const seen = await etag.current;
    end();
    // The text is not lost if the server refuses it.
    if (wanted !== value && !(await onSave(wanted, seen))) {
      etag.current = readEtag(id).catch(() => null);
      setDraft(wanted);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") end();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
  };

  if (draft !== null) {
    const field = {
      label,
      value: draft,
      maxLength,
      onKeyDown,
      onChange: (event: { target: { value: string } }) => setDraft(event.target.value),
      // The button that had the focus is gone.
      autoFocus: true,
    };
    return (
      <form className={css.form} onSubmit={save}>
        {look === "title" ? <Field {...field} placeholder={shown} /> : <TextArea {...field} />}
        <div className={css.buttons}>
          <Button look="primary" type="submit">
            {text.common.save}
          </Button>
          <Button onClick={end}>{text.common.cancel}</Button>
        </div>
      </form>
    );
  }
  if (look === "text" && !shown) {
    if (!canChange) return null;
    return (
      <div>
        <Button ref={pen} look="ghost" className={css.small} icon={<Pencil />} onClick={begin}>
          {edit}
        </Button>
      </div>
    );
  }
  return (
    <div className={css.row}>
      {look === "title" ? (
        <h1 className={css.title}>{shown}</h1>
      ) : (
        <p className={css.text}>{shown}</p>
      )}
      {canChange && (
        <IconButton ref={pen} className={css.pen} label={edit} icon={<Pencil />} onClick={begin} />
      )}
    </div>
  );
}
