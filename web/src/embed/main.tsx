// The player for pages of others: it fills its frame, and needs no cookie and no React.

import { watch as text } from "../text/watch";
import { showChapters } from "../watch/player/chapters";
import { createPlayer } from "../watch/player/create";
import { parseStart } from "../watch/player/start";
import { showStoryboard } from "../watch/player/storyboard";
import { addMissingSubtitles } from "../watch/player/subtitles";
import { withToken } from "../watch/player/token";
import "./embed.css";
import { bare, type EmbedOptions, optionsOf, type PlaybackView, type Step, stepOf } from "./view";

const SOON_MS = 2_000;
const OFFLINE_MS = 5_000;

const MESSAGES = {
  soon: text.embedWaiting,
  offline: text.embedOffline,
  unknown: text.embedUnknown,
  private: text.embedPrivate,
  expired: text.embedExpired,
  failed: text.embedUnknown,
};

async function ask({ id, token }: EmbedOptions): Promise<Step> {
  const query = token ? `?token=${encodeURIComponent(token)}` : "";
  try {
    const answer = await fetch(`/v1/playback/${encodeURIComponent(id)}${query}`, {
      credentials: "omit",
    });
    const body: unknown = await answer.json();
    if (answer.ok) return stepOf(answer.status, body as PlaybackView, "");
    return stepOf(answer.status, null, (body as { code?: string }).code ?? "");
  } catch {
    return stepOf(0, null, "");
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(root: HTMLElement): Promise<void> {
  const options = optionsOf(new URL(location.href));
  if (!options) return say(root, "unknown", "");
  for (;;) {
    const step = await ask(options);
    switch (step.kind) {
      case "play":
        return play(root, options, step.view);
      case "end":
        return say(root, step.reason, "");
      case "wait":
        say(root, step.reason, step.title);
        await wait(step.reason === "soon" ? SOON_MS : OFFLINE_MS);
    }
  }
}

function say(root: HTMLElement, reason: keyof typeof MESSAGES, title: string): void {
  if (root.dataset.state === reason) return;
  root.dataset.state = reason;
  const box = document.createElement("main");
  box.className = "message";
  box.dataset.testid = "message";
  const heading = document.createElement("h1");
  heading.textContent = title;
  const line = document.createElement("p");
  line.setAttribute("role", "status");
  line.textContent = MESSAGES[reason];
  box.append(...(title ? [heading] : []), line);
  root.replaceChildren(box);
}

function play(root: HTMLElement, options: EmbedOptions, view: PlaybackView): void {
  const { token } = options;
  document.title = view.title;
  root.dataset.state = "playing";
  const holder = document.createElement("main");
  holder.className = "holder";
  holder.dataset.testid = "player";
  const heading = document.createElement("h1");
  heading.className = "hidden";
  heading.textContent = view.title;
  root.replaceChildren(heading, holder);
  const url = (of: string) => bare(of, location.href);
  const { player } = createPlayer(holder, {
    id: view.id,
    url: url(view.playback_url),
    token,
    durationSecs: view.duration_secs ?? null,
    startSecs: parseStart(options.start),
    autoplays: options.autoplays,
    isMuted: options.isMuted,
    kind: "embed",
    sendsBeacons: view.beacons,
    onError: (message) => console.warn(message),
    onRefused: () => void endIfRefused(),
  });
  let isAsking = false;
  // The frame has no account to get another token by. The place is kept for the next one.
  const endIfRefused = async () => {
    if (isAsking) return;
    isAsking = true;
    const step = await ask(options);
    isAsking = false;
    if (step.kind !== "end" || player.isDisposed()) return;
    player.dispose();
    say(root, step.reason, "");
  };
  const show = ({ poster_url, storyboard_url, chapters_url }: PlaybackView) => {
    if (poster_url) player.poster(withToken(url(poster_url), token));
    if (storyboard_url) showStoryboard(player, withToken(url(storyboard_url), token));
    if (chapters_url) showChapters(player, withToken(url(chapters_url), token));
  };
  show(view);
  if (!view.is_growing) return;
  void showLater(options, (ready) => {
    show(ready);
    void addMissingSubtitles(player, withToken(url(ready.playback_url), token));
  });
}

// Storyboard and chapters come at the end of the encode.
async function showLater(options: EmbedOptions, show: (view: PlaybackView) => void): Promise<void> {
  for (;;) {
    await wait(OFFLINE_MS);
    const step = await ask(options);
    if (step.kind === "end") return;
    if (step.kind === "play" && !step.view.is_growing) return show(step.view);
  }
}

const root = document.getElementById("root");
if (root) void run(root);
