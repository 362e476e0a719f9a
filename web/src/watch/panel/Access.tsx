import { useQueryClient } from "@tanstack/react-query";
import { Globe, Lock } from "lucide-react";
import { useEffect, useState } from "react";
import { updateVideo } from "../../api/cache";
import { api, body } from "../../api/client";
import { keys } from "../../api/queries";
import type { Video, Visibility } from "../../api/types";
import { text } from "../../text/viewer";
import { tellError } from "../../ui/toasts";
import css from "./panel.module.css";
import { Section } from "./Section";

const LOOK_AGAIN_MS = 2_000;
const CHOICES: { value: Visibility; icon: typeof Globe; label: string }[] = [
  { value: "public", icon: Globe, label: text.watch.public },
  { value: "private", icon: Lock, label: text.watch.private },
];

/** Who may watch. A change moves the stream, which may take a while. */
export function Access({ video }: { video: Video }) {
  const client = useQueryClient();
  const current = video.visibility ?? "public";
  const [wanted, setWanted] = useState<Visibility | null>(null);
  const isMoving = wanted !== null && wanted !== current;
  const { id } = video;

  useEffect(() => {
    if (wanted === current) setWanted(null);
    if (!isMoving) return;
    const look = () => void client.invalidateQueries({ queryKey: keys.video(id), exact: true });
    const timer = setInterval(look, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [client, id, wanted, current, isMoving]);

  const choose = async (visibility: Visibility) => {
    setWanted(visibility);
    try {
      const params = { path: { id } };
      const changed = await body(api.PATCH("/v1/videos/{id}", { params, body: { visibility } }));
      updateVideo(client, id, () => changed);
    } catch (reason) {
      setWanted(null);
      tellError(text.watch.changeFailed, reason);
    }
  };

  const shown = wanted ?? current;
  return (
    <Section title={text.watch.access} testId="access">
      <fieldset className={css.choice}>
        <legend className="visually-hidden">{text.watch.access}</legend>
        {CHOICES.map(({ value, icon: Icon, label }) => (
          <label key={value} className={css.option}>
            <input
              type="radio"
              name="visibility"
              value={value}
              checked={shown === value}
              disabled={isMoving}
              onChange={() => void choose(value)}
            />
            <Icon aria-hidden="true" />
            {label}
          </label>
        ))}
      </fieldset>
      <p className={css.soft} role="status">
        {isMoving
          ? text.watch.moving
          : shown === "public"
            ? text.watch.publicMore
            : text.watch.privateMore}
      </p>
    </Section>
  );
}
