import { ChevronDown, FileVideo, FolderUp, Upload } from "lucide-react";
import type { ChangeEvent } from "react";
import { text } from "../text";
import { Button, IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import css from "./UploadButton.module.css";
import { inputs, useUploads } from "./UploadProvider";

/** Chooses files or a folder. */
export function UploadButton() {
  const { add, choose, chooseFolder } = useUploads();
  const take = (event: ChangeEvent<HTMLInputElement>) => {
    add(Array.from(event.target.files ?? []));
    // The same file can be chosen again.
    event.target.value = "";
  };
  return (
    <span className={css.group}>
      <Button
        look="primary"
        className={css.main ?? ""}
        icon={<Upload />}
        onClick={choose}
        aria-label={text.upload.upload}
      >
        <span className={css.label}>{text.upload.upload}</span>
      </Button>
      <span className={css.more}>
        <Menu
          trigger={<IconButton look="primary" label={text.upload.more} icon={<ChevronDown />} />}
          items={[
            { label: text.upload.chooseFiles, icon: <FileVideo />, onSelect: choose },
            { label: text.upload.chooseFolder, icon: <FolderUp />, onSelect: chooseFolder },
          ]}
        />
      </span>
      <input
        ref={(input) => {
          inputs.files = input;
        }}
        className="visually-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        aria-label={text.upload.input}
        data-testid="file"
        onChange={take}
      />
      <input
        ref={(input) => {
          inputs.folder = input;
          input?.setAttribute("webkitdirectory", "");
        }}
        className="visually-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        aria-label={text.upload.chooseFolder}
        data-testid="folder"
        onChange={take}
      />
    </span>
  );
}
