import { Pencil, Tag } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { Link } from "wouter";
import type { Video } from "../../api/types";
import { text } from "../../text/viewer";
import { Button, IconButton } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { readEtag, useChange } from "../changes";
import { parseTags } from "../video";
import css from "./Head.module.css";

/** The tags, each a link to the videos that have it. */
export function Tags({ video, canChange }: { video: Video; canChange: boolean }) {
  const change = useChange(video.id);
  const [draft, setDraft] = useState<string | null>(null);
  const etag = useRef<Promise<string | null>>(Promise.resolve(null));
  const tags = video.tags ?? [];

  const begin = () => {
    etag.current = readEtag(video.id).catch(() => null);
    setDraft(tags.join(", "));
  };
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = parseTags(draft ?? "");
    const seen = await etag.current;
    setDraft(null);
    if (wanted.join() !== tags.join()) await change({ tags: wanted }, seen);
  };

  if (draft !== null) {
    return (
      <form className={css.form} onSubmit={save}>
        <Field
          label={text.watch.tags}
          hint={text.watch.tagsHint}
          value={draft}
          autoFocus
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && setDraft(null)}
        />
        <div className={css.buttons}>
          <Button look="primary" type="submit">
            {text.common.save}
          </Button>
          <Button onClick={() => setDraft(null)}>{text.common.cancel}</Button>
        </div>
      </form>
    );
  }
  if (tags.length === 0) {
    if (!canChange) return null;
    return (
      <div>
        <Button look="ghost" className={css.small} icon={<Tag />} onClick={begin}>
          {text.watch.addTags}
        </Button>
      </div>
    );
  }
  return (
    <ul className={css.tags} aria-label={text.watch.tags}>
      {tags.map((tag) => (
        <li key={tag}>
          <Link href={`/?tag=${encodeURIComponent(tag)}`} className={css.tag}>
            {tag}
          </Link>
        </li>
      ))}
      {canChange && (
        <li>
          <IconButton label={text.watch.editTags} icon={<Pencil />} onClick={begin} />
        </li>
      )}
    </ul>
  );
}
