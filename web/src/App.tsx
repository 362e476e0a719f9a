import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { deleteVideo, followVideo, listVideos, type Video } from "./api";
import { usePlayback } from "./playback";
import { startUpload, type Upload } from "./upload";

const Player = lazy(() => import("./Player").then((module) => ({ default: module.Player })));

const STATES: Partial<Record<string, string>> = {
  uploading: "Waiting for the upload",
  queued: "In the queue",
  waiting: "Waiting to be tried again",
  running: "Encoding",
  ready: "Ready",
  failed: "Failed",
  deleting: "Being deleted",
};

function stateText(state: string): string {
  return STATES[state] ?? state;
}

function idInAddress(): string | null {
  return new URLSearchParams(location.search).get("video");
}

export function App() {
  const [videoId, setVideoId] = useState(idInAddress);
  const [video, setVideo] = useState<Video | null>(null);
  const [sent, setSent] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const upload = useRef<Upload | null>(null);

  const open = useCallback((id: string | null) => {
    history.pushState(null, "", id ? `?video=${id}` : location.pathname);
    setError(null);
    setVideo(null);
    setVideoId(id);
  }, []);

  useEffect(() => {
    const back = () => setVideoId(idInAddress());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);

  useEffect(() => {
    if (!videoId) return;
    return followVideo(videoId, setVideo, (gone) => setError(gone.message));
  }, [videoId]);

  const send = async (file: File) => {
    setSent(0);
    try {
      upload.current = startUpload(file, setSent);
      open(await upload.current.videoId);
      await upload.current.done;
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    } finally {
      upload.current = null;
      setSent(null);
    }
  };

  const remove = async () => {
    if (!videoId) return;
    try {
      upload.current?.abort();
      await deleteVideo(videoId);
      open(null);
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    }
  };

  const playback = usePlayback(video, setError);
  const message = error ?? video?.error?.message ?? null;
  return (
    <main>
      <h1>ladderd</h1>
      <Picker disabled={sent !== null} onFile={send} />
      {sent !== null && (
        <Bar testId="upload-progress" label="Upload" share={sent} text={percent(sent)} />
      )}
      {message && (
        <p className="error" role="alert" data-testid="error">
          {message}
        </p>
      )}
      {videoId && video && (
        <section>
          <h2>{video.filename}</h2>
          <p>
            <span className="state" data-testid="state" data-state={video.state}>
              {stateText(video.state)}
            </span>{" "}
            <button type="button" onClick={remove}>
              Delete
            </button>
          </p>
          {video.warnings?.map((warning) => (
            <p className="warning" key={warning.message} data-testid="warning">
              {warning.message}
            </p>
          ))}
          {video.state === "running" && (
            <Bar
              testId="encode-progress"
              label="Encode"
              share={video.progress}
              text={encodeText(video)}
            />
          )}
          {playback && (
            <Suspense fallback={<p>Loading the player…</p>}>
              <Player {...playback} onError={setError} />
            </Suspense>
          )}
          {sizes(video) && <p data-testid="sizes">{sizes(video)}</p>}
          {video.playable && video.visibility === "public" && (
            <p className="link">
              HLS: <a href={video.playback_url}>{video.playback_url}</a>
            </p>
          )}
        </section>
      )}
      <Recent current={videoId} state={video?.state} onOpen={open} />
    </main>
  );
}

function Picker({ disabled, onFile }: { disabled: boolean; onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  return (
    <label
      className={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer.files[0];
        if (file && !disabled) onFile(file);
      }}
    >
      Choose a video, or drop one here
      <input
        type="file"
        data-testid="file"
        disabled={disabled}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) onFile(file);
        }}
      />
    </label>
  );
}

interface BarProps {
  testId: string;
  label: string;
  share: number;
  text: string;
}

function Bar({ testId, label, share, text }: BarProps) {
  return (
    <div className="bar" data-testid={testId}>
      <label>
        {label} <progress max={1} value={share} /> <span>{text}</span>
      </label>
    </div>
  );
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function encodeText(video: Video): string {
  const speed = video.speed == null ? "" : `, ${video.speed.toFixed(2)}x`;
  const eta = video.eta_secs == null ? "" : `, ${Math.ceil(video.eta_secs)} s left`;
  return percent(video.progress) + speed + eta;
}

// The sizes of the video, such as "900p, 720p, 480p, 360p".
function sizes(video: Video): string {
  return video.renditions.flatMap((rendition) => rendition.label ?? []).join(", ");
}

interface RecentProps {
  current: string | null;
  state: Video["state"] | undefined;
  onOpen: (id: string) => void;
}

function Recent({ current, state, onOpen }: RecentProps) {
  const [videos, setVideos] = useState<Video[]>([]);
  // Looked up again whenever the video that is shown changes its state.
  useEffect(() => {
    listVideos().then(setVideos, () => setVideos([]));
  }, [current, state]);
  if (videos.length === 0) return null;
  return (
    <nav>
      <h2>Recent videos</h2>
      <ul>
        {videos.map((video) => (
          <li key={video.id}>
            <button type="button" onClick={() => onOpen(video.id)}>
              {video.filename}
            </button>{" "}
            {stateText(video.state)}
          </li>
        ))}
      </ul>
    </nav>
  );
}
