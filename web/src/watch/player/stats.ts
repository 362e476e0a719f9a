// "Stats for nerds": a panel over the player, with plots. Loaded when it is first opened.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { watch as text } from "../../text/watch";
import { bitrate, clock } from "../../ui/format";
import { droppedFrames } from "./meter";
import type { Qoe } from "./qoe";
import { addSample, bufferAhead, column, type Sample } from "./samples";
import "./stats.css";
import { currentLevel, currentSecs, durationSecs, levelName, type Player, vhsOf } from "./videojs";

const EVERY_MS = 500;
const PLOT_HEIGHT_PX = 64;
const COLOURS = { buffer: "#7dd3a8", rung: "#a5a1ff", bandwidth: "#f2bd5c", dropped: "#ff9086" };

const panels = new WeakMap<Player, () => void>();

/** Opens the panel, or closes it. */
export function toggleStats(player: Player, read: () => Qoe): void {
  const close = panels.get(player);
  if (close) close();
  else open(player, read);
}

interface Plot {
  plot: uPlot;
  names: (keyof Sample)[];
}

function open(player: Player, read: () => Qoe): void {
  const panel = document.createElement("section");
  panel.className = "ladderd-stats";
  panel.dataset.testid = "stats";
  panel.setAttribute("aria-label", text.stats);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ladderd-stats-close";
  button.setAttribute("aria-label", text.statsClose);
  button.textContent = "×";
  const facts = document.createElement("dl");
  panel.append(button, facts);
  player.el().append(panel);

  const plots: Plot[] = [
    makePlot(panel, text.statsBuffer, text.statsSecs, [
      { name: "bufferSecs", label: text.statsBuffer, colour: COLOURS.buffer, isFilled: true },
    ]),
    makePlot(panel, text.statsRate, text.statsMbps, [
      { name: "rungMbps", label: text.statsRung, colour: COLOURS.rung, isFilled: true },
      { name: "bandwidthMbps", label: text.statsBandwidth, colour: COLOURS.bandwidth },
    ]),
    makePlot(panel, text.statsDropped, text.statsFrames, [
      { name: "dropped", label: text.statsDropped, colour: COLOURS.dropped, isFilled: true },
    ]),
  ];

  const openedAt = performance.now();
  let samples: Sample[] = [];
  const update = () => {
    samples = addSample(samples, sampleOf(player, (performance.now() - openedAt) / 1000));
    for (const { plot, names } of plots) {
      plot.setData([
        column(samples, "at"),
        ...names.map((name) => column(samples, name)),
      ] as uPlot.AlignedData);
    }
    showFacts(facts, player, read());
  };
  const fit = () => {
    const width = plots[0]?.plot.root.parentElement?.clientWidth ?? 0;
    if (width > 0) for (const { plot } of plots) plot.setSize({ width, height: PLOT_HEIGHT_PX });
  };
  update();
  const timer = setInterval(update, EVERY_MS);
  const observer = new ResizeObserver(fit);
  observer.observe(panel);
  const close = () => {
    clearInterval(timer);
    observer.disconnect();
    for (const { plot } of plots) plot.destroy();
    panel.remove();
    panels.delete(player);
  };
  panels.set(player, close);
  button.addEventListener("click", close);
  player.on("dispose", close);
}

function sampleOf(player: Player, at: number): Sample {
  const bandwidth = vhsOf(player)?.bandwidth;
  const rung = currentLevel(player)?.bitrate;
  return {
    at,
    bufferSecs: bufferAhead(player.buffered(), currentSecs(player)),
    rungMbps: rung ? rung / 1e6 : null,
    bandwidthMbps: bandwidth ? bandwidth / 1e6 : null,
    dropped: droppedFrames(player),
  };
}

interface Line {
  name: keyof Sample;
  label: string;
  colour: string;
  isFilled?: boolean;
}

function makePlot(panel: Element, title: string, unit: string, lines: Line[]): Plot {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = `${title} (${unit})`;
  const place = document.createElement("div");
  figure.append(caption, place);
  panel.append(figure);
  const axis = { stroke: "#b9bdc9", font: "10px system-ui", grid: { stroke: "#ffffff1a" } };
  const options: uPlot.Options = {
    width: Math.max(place.clientWidth, 160),
    height: PLOT_HEIGHT_PX,
    padding: [6, 4, 4, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      { ...axis, show: false },
      { ...axis, size: 34, gap: 4, ticks: { show: false }, space: 22 },
    ],
    series: [
      {},
      ...lines.map(({ label, colour, isFilled }) => ({
        label,
        stroke: colour,
        width: 1.5,
        points: { show: false },
        ...(isFilled ? { fill: `${colour}33` } : {}),
      })),
    ],
  };
  if (lines.length > 1) {
    for (const { label, colour } of lines) {
      const key = document.createElement("span");
      key.textContent = label;
      key.style.setProperty("--key", colour);
      caption.append(" ", key);
    }
  }
  const empty = [[], ...lines.map(() => [])] as unknown as uPlot.AlignedData;
  return { plot: new uPlot(options, empty, place), names: lines.map(({ name }) => name) };
}

function showFacts(list: HTMLElement, player: Player, qoe: Qoe): void {
  const level = currentLevel(player);
  const quality = player.el().querySelector("video")?.getVideoPlaybackQuality?.();
  const rows: [string, string][] = [
    [text.statsPlace, `${clock(currentSecs(player))} / ${clock(durationSecs(player))}`],
    [text.statsShown, `${player.videoWidth()}×${player.videoHeight()}`],
    [
      text.statsViewport,
      `${Math.round(player.currentWidth())}×${Math.round(player.currentHeight())}`,
    ],
    [
      text.statsRung,
      level?.height ? `${levelName(level)}, ${bitrate(level.bitrate)}` : text.statsNone,
    ],
    [text.statsStartup, qoe.startupMs === null ? text.statsNone : text.statsMs(qoe.startupMs)],
    [text.statsSwitches, String(qoe.switches)],
    [text.statsStalls, text.statsStalled(qoe.rebuffers, qoe.rebufferMs)],
    [
      text.statsDropped,
      quality ? text.statsOf(quality.droppedVideoFrames, quality.totalVideoFrames) : text.statsNone,
    ],
  ];
  list.replaceChildren(
    ...rows.flatMap(([name, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      term.textContent = name;
      const description = document.createElement("dd");
      description.textContent = value;
      row.append(term, description);
      return [row];
    }),
  );
}
