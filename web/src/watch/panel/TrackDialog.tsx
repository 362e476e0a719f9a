import { type FormEvent, useId, useState } from "react";
import { ApiError, api } from "../../api/client";
import type { TextTrack, TrackKind, Video } from "../../api/types";
import { text } from "../../text/viewer";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field, Select } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { tell } from "../../ui/toasts";
import { usePlayback } from "../playback";
import { readBack } from "../player/readBack";
import { withToken } from "../player/token";
import css from "./panel.module.css";

interface TrackDialogProps {
  video: Video;
  /** The track that is changed, or null for a new one. */
  track: TextTrack | null;
  onClose: () => void;
  onSaved: () => void;
}

const KINDS: TrackKind[] = ["subtitles", "captions"];

/** Adds a text track, or changes one. The API takes a track whole, so a new name sends its text again. */
export function TrackDialog({ video, track, onClose, onSaved }: TrackDialogProps) {
  const form = useId();
  const { playback } = usePlayback(video);
  const [file, setFile] = useState<File | null>(null);
  const [language, setLanguage] = useState(track?.language ?? "");
  const [label, setLabel] = useState(track?.label ?? "");
  const [kind, setKind] = useState<TrackKind>(track?.kind ?? "subtitles");
  const [isDefault, setDefault] = useState(track?.default ?? false);
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);

  const contentOf = async (): Promise<string | Blob> => {
    if (file) return file;
    const present =
      track?.rendition && playback
        ? await readBack(withToken(playback.url, playback.token), track.rendition).catch(() => null)
        : null;
    if (present === null) throw new Error(text.watch.trackUnreadable);
    return present;
  };
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      const content = await contentOf();
      const { response } = await api.PUT("/v1/videos/{id}/text-tracks/{lang}", {
        params: {
          path: { id: video.id, lang: language.trim() },
          query: { kind, label: label.trim() || null, default: isDefault },
        },
        headers: { "content-type": "text/vtt" },
        body: content as string,
        // The text as it is, not as JSON.
        bodySerializer: (sent) => sent as unknown as BodyInit,
      });
      tell(response.status === 202 ? text.watch.trackAddedSoon : text.watch.trackAdded);
      onSaved();
      onClose();
    } catch (reason) {
      setFault(reason instanceof ApiError || reason instanceof Error ? reason.message : "");
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={track ? text.watch.editTrackTitle(track.label) : text.watch.addTrackTitle}
      actions={
        <>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button look="primary" type="submit" form={form} disabled={isBusy}>
            {text.common.save}
          </Button>
        </>
      }
    >
      <form id={form} className={css.form} onSubmit={save} data-testid="track-form">
        <Field
          label={track ? text.watch.trackFileKept : text.watch.trackFile}
          type="file"
          accept=".vtt,.srt,text/vtt,application/x-subrip"
          required={!track}
          data-testid="track-file"
          onChange={(event) => setFile(event.target.files?.[0] ?? null)}
        />
        <div className={css.pair}>
          <Field
            label={text.watch.trackLanguage}
            hint={text.watch.trackLanguageHint}
            value={language}
            required
            disabled={track !== null}
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setLanguage(event.target.value)}
          />
          <Field
            label={text.watch.trackLabel}
            value={label}
            maxLength={60}
            onChange={(event) => setLabel(event.target.value)}
          />
        </div>
        <Select
          label={text.watch.trackKind}
          value={kind}
          options={KINDS.map((value) => ({ value, label: text.watch.trackKinds[value] }))}
          onChange={setKind}
        />
        <label className={css.check}>
          <input
            type="checkbox"
            checked={isDefault}
            onChange={(event) => setDefault(event.target.checked)}
          />
          {text.watch.trackDefault}
        </label>
        {fault && <Notice tone="bad">{fault}</Notice>}
      </form>
    </Dialog>
  );
}
