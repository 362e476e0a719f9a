import { Link } from "wouter";
import { text } from "../text";
import { Button } from "../ui/Button";
import button from "../ui/Button.module.css";
import type { Item } from "./item";
import css from "./UploadRow.module.css";
import type { Uploads } from "./uploads";

/** Says where the same file is, and lets the user decide. */
export function Twin({ item, queue }: { item: Item; queue: Uploads }) {
  const { key, twin } = item;
  if (!twin) return null;
  const small = css.small ?? "";
  return (
    <>
      <p className={css.explain}>
        {twin.key ? text.upload.twinHere : text.upload.twinOnServer(twin.name)}
      </p>
      <div className={css.choices}>
        <Button
          className={small}
          data-testid="upload-skip"
          onClick={() => queue.wish(key, { type: "cancel" })}
        >
          {text.upload.skip}
        </Button>
        <Button
          className={small}
          data-testid="upload-anyway"
          onClick={() => queue.wish(key, { type: "allow" })}
        >
          {text.upload.anyway}
        </Button>
        {twin.videoId && (
          <Link
            href={`/watch/${encodeURIComponent(twin.videoId)}`}
            className={`${button.button} ${button.ghost} ${small}`}
          >
            {text.upload.show}
          </Link>
        )}
      </div>
    </>
  );
}
