import { FolderOpen, KeyRound } from "lucide-react";
import { useRef } from "react";
import { text } from "../text";
import { Button } from "../ui/Button";
import { tellError } from "../ui/toasts";
import { pickFiles, takeInput } from "./intake";
import type { Item } from "./item";
import css from "./UploadRow.module.css";
import type { Uploads } from "./uploads";

/** Asks for the file of an upload that was interrupted. */
export function NeedsFile({ item, queue, sent }: { item: Item; queue: Uploads; sent: number }) {
  const { key, name, hasHandle, message } = item;
  const input = useRef<HTMLInputElement>(null);
  const choose = async () => {
    try {
      const taken = await pickFiles(false);
      if (!taken) return input.current?.click();
      const [given] = taken.files;
      if (given) await queue.give(key, given);
    } catch (reason) {
      tellError(text.upload.cannotRead, reason);
    }
  };
  const small = css.small ?? "";
  return (
    <>
      <p className={css.explain}>
        {hasHandle ? text.upload.needsAccess(name) : text.upload.needsFile(name, sent)}
      </p>
      {message && (
        <p className={css.bad} role="alert" data-testid="upload-misfit">
          {message}
        </p>
      )}
      <div className={css.choices}>
        {hasHandle && (
          <Button
            className={small}
            icon={<KeyRound />}
            data-testid="upload-allow"
            onClick={() => void queue.allow(key)}
          >
            {text.upload.allow}
          </Button>
        )}
        <Button
          className={small}
          icon={<FolderOpen />}
          data-testid="upload-choose"
          onClick={() => void choose()}
        >
          {text.upload.chooseAgain}
        </Button>
      </div>
      <input
        ref={input}
        className="visually-hidden"
        type="file"
        tabIndex={-1}
        aria-hidden="true"
        aria-label={text.upload.chooseAgain}
        data-testid="file-again"
        onChange={(event) => {
          const [given] = takeInput(Array.from(event.target.files ?? [])).files;
          event.target.value = "";
          if (given) void queue.give(key, given);
        }}
      />
    </>
  );
}
