import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, body } from "../../api/client";
import { keys } from "../../api/queries";
import type { TextTrack, Video } from "../../api/types";
import { text } from "../../text/viewer";
import { Badge } from "../../ui/Badge";
import { Button, IconButton } from "../../ui/Button";
import { Confirm } from "../../ui/Dialog";
import { tell, tellError } from "../../ui/toasts";
import css from "./panel.module.css";
import { Section } from "./Section";
import { TrackDialog } from "./TrackDialog";

const PENDING_MS = 3_000;

interface TracksProps {
  video: Video;
  canChange: boolean;
}

/** Text tracks that were added to the video. */
export function Tracks({ video, canChange }: TracksProps) {
  const client = useQueryClient();
  const queryKey = [...keys.video(video.id), "text-tracks"];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      body(api.GET("/v1/videos/{id}/text-tracks", { params: { path: { id: video.id } }, signal })),
    refetchInterval: ({ state }) =>
      state.data?.text_tracks.some((track) => track.state === "pending") ? PENDING_MS : false,
  });
  const [edited, setEdited] = useState<TextTrack | "new" | null>(null);
  const [removed, setRemoved] = useState<TextTrack | null>(null);
  const tracks = query.data?.text_tracks ?? video.text_tracks ?? [];

  const changed = () => void client.invalidateQueries({ queryKey: keys.video(video.id) });
  const remove = async (track: TextTrack) => {
    const path = { id: video.id, lang: track.language };
    try {
      await api.DELETE("/v1/videos/{id}/text-tracks/{lang}", { params: { path } });
      tell(text.watch.trackRemoved);
      changed();
    } catch (reason) {
      tellError(text.watch.trackRemoveFailed, reason);
    }
  };

  if (!canChange && tracks.length === 0) return null;
  return (
    <Section
      title={text.watch.tracks}
      testId="tracks"
      action={
        canChange && (
          <Button className={css.small} icon={<Plus />} onClick={() => setEdited("new")}>
            {text.watch.addTrack}
          </Button>
        )
      }
    >
      {tracks.length === 0 ? (
        <p className={css.soft}>{text.watch.noTracks}</p>
      ) : (
        <ul className={css.items}>
          {tracks.map((track) => (
            <li key={track.language} className={css.item} data-testid="track">
              <span className={css.language}>{track.language}</span>
              <div className={css.itemWords}>
                <p className={css.itemName}>{track.label}</p>
                <p className={css.soft}>
                  {text.watch.trackKinds[track.kind] ?? track.kind}
                  {track.default && ` · ${text.watch.isDefault}`}
                </p>
              </div>
              {track.state === "pending" && <Badge tone="warn">{text.watch.trackPending}</Badge>}
              {canChange && (
                <>
                  <IconButton
                    label={text.watch.editTrack(track.label)}
                    icon={<Pencil />}
                    onClick={() => setEdited(track)}
                  />
                  <IconButton
                    label={text.watch.removeTrack(track.label)}
                    icon={<Trash2 />}
                    onClick={() => setRemoved(track)}
                  />
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {edited && (
        <TrackDialog
          video={video}
          track={edited === "new" ? null : edited}
          onClose={() => setEdited(null)}
          onSaved={changed}
        />
      )}
      <Confirm
        open={removed !== null}
        onOpenChange={(open) => !open && setRemoved(null)}
        title={text.watch.removeTrackTitle}
        description={text.watch.removeTrackMore(removed?.label ?? "")}
        confirm={text.watch.remove}
        onConfirm={() => removed && void remove(removed)}
      />
    </Section>
  );
}
