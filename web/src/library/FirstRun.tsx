import { Copy, Upload } from "lucide-react";
import { useMay } from "../session/session";
import { text } from "../text";
import { Button, IconButton } from "../ui/Button";
import { useUploads } from "../upload/UploadProvider";
import css from "./FirstRun.module.css";
import { copy } from "./share";

const words = text.library.first;

/** Commands that upload a video to this server. */
export const commandsOf = (origin: string) => [
  { label: words.commandLine, command: `LADDERD_URL=${origin} ladderd upload film.mp4 --wait` },
  {
    label: words.curl,
    command: `url=$(curl -s ${origin}/v1/uploads --json "{\\"filename\\":\\"film.mp4\\",\\"size_bytes\\":$(stat -c %s film.mp4)}" | jq -r .upload.url)
curl -T film.mp4 -H 'content-type: application/octet-stream' -H 'if-none-match: *' "$url"`,
  },
  {
    label: words.pull,
    command: `curl ${origin}/v1/videos --json '{"source_url":"https://example.com/film.mp4"}'`,
  },
];

/** What to do with a library that has no video yet. */
export function FirstRun({ mayRead }: { mayRead: boolean }) {
  const { choose } = useUploads();
  const mayUpload = useMay("upload");
  if (!mayUpload) return <p className={css.lead}>{words.mayNotUpload}</p>;
  return (
    <div className={css.page} data-testid="first-run">
      <div className={css.drop}>
        <span className={css.icon}>
          <Upload aria-hidden="true" />
        </span>
        <h2>{mayRead ? words.title : text.library.title}</h2>
        <p className={css.lead}>{mayRead ? words.lead : words.uploadOnly}</p>
        <Button look="primary" icon={<Upload />} onClick={() => choose()}>
          {words.choose}
        </Button>
      </div>
      <section className={css.commands} aria-label={words.or}>
        <h3>{words.or}</h3>
        {commandsOf(location.origin).map(({ label, command }) => (
          <div key={label} className={css.command}>
            <p className={css.label}>{label}</p>
            <div className={css.code}>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls where it is too long. */}
              <pre tabIndex={0}>{command}</pre>
              <IconButton
                label={words.copy(label)}
                icon={<Copy />}
                onClick={() => void copy(command, text.common.copied)}
              />
            </div>
          </div>
        ))}
        <p className={css.hint}>{words.token}</p>
      </section>
    </div>
  );
}
