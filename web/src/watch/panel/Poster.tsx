import { useQueryClient } from "@tanstack/react-query";
import { Camera, ImageUp, Undo2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { updateVideo } from "../../api/cache";
import { api } from "../../api/client";
import type { Video } from "../../api/types";
import { text } from "../../text/viewer";
import { Button } from "../../ui/Button";
import { clock } from "../../ui/format";
import { tell, tellError } from "../../ui/toasts";
import { usePlayback } from "../playback";
import type { PlayerHandle } from "../player/create";
import { withToken } from "../player/token";
import css from "./panel.module.css";
import { Section } from "./Section";

interface PosterProps {
  video: Video;
  handle: PlayerHandle | null;
}

/** The poster: the frame that the player shows, an image, or the one that was chosen by itself. */
export function Poster({ video, handle }: PosterProps) {
  const client = useQueryClient();
  const { playback } = usePlayback(video);
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const place = usePlace(handle);
  const { id } = video;
  const url = playback?.posterUrl ? withToken(playback.posterUrl, playback.token) : null;

  const change = async (request: () => Promise<{ data?: Video; response: Response }>) => {
    setBusy(true);
    try {
      const { data, response } = await request();
      if (data) updateVideo(client, id, () => data);
      tell(response.status === 202 ? text.watch.posterSoon : text.watch.posterSet);
    } catch (reason) {
      tellError(text.watch.posterFailed, reason);
    } finally {
      setBusy(false);
    }
  };
  const params = { path: { id } };
  const takeFrame = () => {
    const at_secs = handle?.currentSecs() ?? 0;
    void change(() => api.PUT("/v1/videos/{id}/poster", { params, body: { at_secs } }));
  };
  const upload = (file: File) =>
    void change(() =>
      api.PUT("/v1/videos/{id}/poster", {
        params,
        headers: { "content-type": file.type },
        body: file as unknown as { at_secs: number },
        // The image as it is, not as JSON.
        bodySerializer: (sent) => sent as unknown as BodyInit,
      }),
    );
  const reset = () => void change(() => api.DELETE("/v1/videos/{id}/poster", { params }));

  return (
    <Section title={text.watch.poster} testId="poster">
      <div className={css.poster}>
        {url ? (
          <img src={url} alt={text.watch.posterAlt} data-testid="poster-image" />
        ) : (
          text.watch.noPoster
        )}
      </div>
      <div className={css.buttons}>
        {handle && (
          <Button
            className={css.small}
            icon={<Camera />}
            disabled={isBusy}
            onClick={takeFrame}
            data-testid="poster-frame"
          >
            {text.watch.posterFrameAt(clock(place))}
          </Button>
        )}
        <Button
          className={css.small}
          icon={<ImageUp />}
          disabled={isBusy}
          onClick={() => input.current?.click()}
        >
          {text.watch.posterUpload}
        </Button>
        <Button className={css.small} icon={<Undo2 />} disabled={isBusy} onClick={reset}>
          {text.watch.posterReset}
        </Button>
        <input
          ref={input}
          type="file"
          accept="image/jpeg,image/png,image/webp"
          hidden
          data-testid="poster-file"
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file) upload(file);
          }}
        />
      </div>
    </Section>
  );
}

// Where the player stands, in whole seconds.
function usePlace(handle: PlayerHandle | null): number {
  const [secs, setSecs] = useState(0);
  useEffect(() => {
    if (!handle) return;
    const { player } = handle;
    const update = () => setSecs(Math.floor(handle.currentSecs()));
    player.on(["timeupdate", "seeked"], update);
    return () => {
      if (!player.isDisposed()) player.off(["timeupdate", "seeked"], update);
    };
  }, [handle]);
  return secs;
}
