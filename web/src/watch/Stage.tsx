import { AlertTriangle, Clock3, CloudUpload, Cog, Trash2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useRef, useState } from "react";
import type { Video } from "../api/types";
import { useMay, useSession } from "../session/session";
import { text } from "../text/viewer";
import { Button } from "../ui/Button";
import { moment } from "../ui/format";
import { Notice } from "../ui/Notice";
import { whenIdle } from "../ui/tasks";
import { useRestore, useRetry } from "./changes";
import { EncodeProgress } from "./head/EncodeProgress";
import { type Playback, usePlayback } from "./playback";
import type { PlayerHandle } from "./player/create";
import { loadPlayer } from "./player/load";
import { parseStart } from "./player/start";
import { withToken } from "./player/token";
import css from "./Stage.module.css";
import { StagePoster } from "./StagePoster";
import { aspectOf, isRestorable } from "./video";
import page from "./Watch.module.css";

const Player = lazy(loadPlayer);

/** Time that a poster gets before the player no longer waits for it. */
const POSTER_MS = 1_000;
const IDLE_MS = 200;

interface StageProps {
  video: Video;
  onHandle: (handle: PlayerHandle | null) => void;
}

/** The place of the player, and of what is said instead as long as nothing plays. */
export function Stage({ video, onHandle }: StageProps) {
  const session = useSession();
  const { playback, error, renew } = usePlayback(video);
  const [fault, setFault] = useState<string | null>(null);
  const { generation, startSecs, autoplays, keep, remake } = useGeneration(video, playback?.url);
  const onRefused = useRenewal(playback?.token, renew, remake);
  const take = useCallback(
    (handle: PlayerHandle | null) => {
      keep(handle);
      onHandle(handle);
    },
    [keep, onHandle],
  );
  const showFault = useCallback((message: string) => setFault(message), []);
  const [hasStarted, setStarted] = useState(false);
  const start = useCallback(() => setStarted(true), []);
  const { mayLoad, showPoster } = useTurn(playback);
  const message = fault ?? error?.message;
  return (
    <>
      <section
        className={page.stage}
        style={{ "--aspect": aspectOf(video) } as React.CSSProperties}
        aria-label={text.watch.player}
      >
        {playback ? (
          <>
            {!hasStarted && playback.posterUrl && (
              <StagePoster
                url={withToken(playback.posterUrl, playback.token)}
                onShown={showPoster}
              />
            )}
            <Suspense fallback={<Loading />}>
              {mayLoad ? (
                <Player
                  key={generation}
                  {...playback}
                  id={video.id}
                  durationSecs={video.duration_secs ?? null}
                  startSecs={startSecs}
                  autoplays={autoplays}
                  isGrowing={video.state !== "ready"}
                  sendsBeacons={session.beacons}
                  onError={showFault}
                  onRefused={onRefused}
                  onHandle={take}
                  onStart={start}
                />
              ) : (
                <Loading />
              )}
            </Suspense>
          </>
        ) : (
          !message && <Instead video={video} />
        )}
      </section>
      {message && (
        <Notice
          tone="bad"
          testId="error"
          action={<Button onClick={() => location.reload()}>{text.common.reload}</Button>}
        >
          {text.watch.playerFault}: {message}
        </Notice>
      )}
    </>
  );
}

// Another player, as soon as there is a token in place of the one that has expired.
function useRenewal(token: string | null | undefined, renew: () => boolean, remake: () => void) {
  const isRefused = useRef(false);
  useEffect(() => {
    if (!token || !isRefused.current) return;
    isRefused.current = false;
    remake();
  }, [token, remake]);
  return useCallback(() => {
    if (renew()) isRefused.current = true;
  }, [renew]);
}

// The player comes once the poster is there: it is large, and both would wait for each other.
function useTurn(playback: Playback | null) {
  const [isPosterShown, setPosterShown] = useState(false);
  const [mayLoad, setMayLoad] = useState(false);
  const showPoster = useCallback(() => setPosterShown(true), []);
  const isPlayable = playback !== null;
  const isTurn = isPosterShown || playback?.posterUrl === null;
  useEffect(() => {
    if (!isPlayable) return;
    const load = () => setMayLoad(true);
    if (isTurn) return whenIdle(load, IDLE_MS);
    const timer = setTimeout(load, POSTER_MS);
    return () => clearTimeout(timer);
  }, [isPlayable, isTurn]);
  return { mayLoad, showPoster };
}

interface Generation {
  generation: number;
  /** Where this player begins; null is where somebody left the video. */
  startSecs: number | null;
  autoplays: boolean;
}

// The start time of a link counts once: after another sign-in, the video goes on where it was.
const begun = new Set<string>();

function firstGeneration(id: string): Generation {
  const start = parseStart(new URLSearchParams(location.search).get("t"));
  const startSecs = begun.has(id) ? null : start;
  return { generation: 0, startSecs, autoplays: true };
}

// A player reads a stream once: its list of tracks, and the URLs of its segments. It is made anew when those have
// changed, and goes on as it was.
function useGeneration(video: Video, url: string | undefined) {
  const { id } = video;
  const [now, setNow] = useState(() => firstGeneration(id));
  // Not while it renders: React may render more often than it shows.
  useEffect(() => {
    begun.add(id);
  }, [id]);
  const current = useRef<PlayerHandle | null>(null);
  const keep = useCallback((handle: PlayerHandle | null) => {
    current.current = handle;
  }, []);
  const remake = useCallback(() => {
    const handle = current.current;
    setNow((before) => ({
      generation: before.generation + 1,
      startSecs: handle?.currentSecs() || before.startSecs,
      autoplays: handle ? !handle.player.paused() : before.autoplays,
    }));
  }, []);
  const tracks = JSON.stringify(
    (video.text_tracks ?? []).map(({ language, label, rendition }) => [language, label, rendition]),
  );
  const shown = useRef(tracks);
  useEffect(() => {
    if (!url || shown.current === tracks) return;
    shown.current = tracks;
    // The browser may keep the earlier list for two seconds.
    fetch(url, { cache: "reload" })
      .catch(() => undefined)
      .then(remake);
  }, [url, tracks, remake]);
  return { ...now, keep, remake };
}

// Over the poster.
function Loading() {
  return (
    <div className={css.loading}>
      <span className="visually-hidden" role="status">
        {text.watch.loadPlayer}
      </span>
      <span className={css.spinner} aria-hidden="true" />
    </div>
  );
}

function Blankness({ children }: { children: ReactNode }) {
  return (
    <div className={css.blank}>
      <span className="visually-hidden" role="status">
        {children}
      </span>
      <span className={css.spinner} aria-hidden="true" />
    </div>
  );
}

function Instead({ video }: { video: Video }) {
  switch (video.state) {
    case "failed":
      return <Failed video={video} />;
    case "deleting":
      return <Deleted video={video} />;
    case "ready":
      return <Blankness>{text.watch.loadPlayer}</Blankness>;
    default:
      return <Waiting video={video} />;
  }
}

const ICONS: Record<string, ReactNode> = {
  uploading: <CloudUpload />,
  running: <Cog className={css.turning} />,
};

function Waiting({ video }: { video: Video }) {
  const { waiting, waitingMore } = text.watch;
  const state = video.state in waiting ? (video.state as keyof typeof waiting) : "other";
  const more = video.pull ? text.watch.pulling(video.pull.host) : waitingMore[state];
  return (
    <div className={css.blank} data-testid="not-playable">
      <div className={css.icon}>{ICONS[state] ?? <Clock3 />}</div>
      <p className={css.title} role="status">
        {waiting[state]}
      </p>
      <p className={css.more}>{more}</p>
      {video.state === "running" && (
        <div className={css.progress}>
          <EncodeProgress video={video} />
        </div>
      )}
    </div>
  );
}

function Failed({ video }: { video: Video }) {
  const retry = useRetry(video.id);
  const mayManage = useMay("manage");
  return (
    <div className={css.blank}>
      <div className={`${css.icon} ${css.bad}`}>
        <AlertTriangle />
      </div>
      <p className={css.title}>{text.watch.failedTitle}</p>
      <p className={css.more} role="alert" data-testid="error">
        {video.error?.message}
      </p>
      {mayManage && (
        <Button look="primary" onClick={retry} data-testid="retry">
          {text.watch.retryVideo}
        </Button>
      )}
    </div>
  );
}

function Deleted({ video }: { video: Video }) {
  const restore = useRestore(video.id);
  const mayManage = useMay("manage");
  return (
    <div className={css.blank} data-testid="deleted">
      <div className={css.icon}>
        <Trash2 />
      </div>
      <p className={css.title}>{text.watch.deletedTitle}</p>
      <p className={css.more}>
        {isRestorable(video) && video.purge_after
          ? text.watch.deletedUntil(moment(video.purge_after))
          : text.watch.deletedForGood}
      </p>
      {mayManage && isRestorable(video) && (
        <Button look="primary" onClick={restore} data-testid="restore">
          {text.watch.restore}
        </Button>
      )}
    </div>
  );
}
