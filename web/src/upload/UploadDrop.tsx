import { FolderUp } from "lucide-react";
import { useEffect, useState } from "react";
import { useMay } from "../session/session";
import { text } from "../text";
import { takeTransfer } from "./intake";
import css from "./UploadDrop.module.css";
import { addLater } from "./UploadProvider";

const hasFiles = (transfer: DataTransfer | null) => transfer?.types.includes("Files") ?? false;

/** The whole window takes files and folders that are dropped or pasted. */
export function UploadDrop() {
  const mayUpload = useMay("upload");
  const [isOver, setOver] = useState(false);

  useEffect(() => {
    if (!mayUpload) return;
    const over = (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return;
      // Otherwise the browser opens the file and leaves the page.
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      // A view of its own, such as that for text tracks, has taken it.
      if (event.defaultPrevented || !event.dataTransfer || !hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      addLater(takeTransfer(event.dataTransfer));
    };
    const paste = (event: ClipboardEvent) => {
      const files = event.clipboardData?.files.length ?? 0;
      if (event.defaultPrevented || !event.clipboardData || files === 0) return;
      event.preventDefault();
      addLater(takeTransfer(event.clipboardData));
    };
    addEventListener("dragenter", over);
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragenter", over);
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
      removeEventListener("paste", paste);
    };
  }, [mayUpload]);

  if (!isOver) return null;
  return (
    <div className={css.overlay} data-testid="drop">
      <div className={css.target}>
        <FolderUp aria-hidden="true" />
        <strong>{text.upload.drop}</strong>
        <span>{text.upload.dropHint}</span>
      </div>
    </div>
  );
}
