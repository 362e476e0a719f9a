import { useQuery } from "@tanstack/react-query";
import { MonitorPlay } from "lucide-react";
import type { Qoe, QoeFigures } from "../api/types";
import { text } from "../text/operator";
import { bitrate, day } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Blank } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import css from "./Playback.module.css";
import { qoeQuery } from "./queries";
import { type Stat, Stats } from "./Stats";

/** Quality of playback over all viewers. */
export function Playback() {
  const query = useQuery(qoeQuery);
  const since = query.data?.since;
  return (
    <Panel
      title={text.system.qoeTitle}
      description={since ? text.system.qoeMore(day(since)) : undefined}
      testId="qoe"
    >
      <Loaded query={query} missing={text.system.qoeOff}>
        {(qoe) =>
          qoe.views === 0 ? (
            <Blank icon={<MonitorPlay />} title={text.system.qoeNone}>
              {text.system.qoeNoneMore}
            </Blank>
          ) : (
            <>
              <Stats stats={statsOf(qoe)} />
              <Players players={qoe.by_player ?? {}} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

const NONE = text.system.noValue;
const secs = (value: number | null | undefined) =>
  value == null ? NONE : `${value.toFixed(value < 10 ? 2 : 1)} s`;
const rate = (bps: number | null | undefined) => (bps == null ? NONE : bitrate(bps));
// Shares of a few per mille matter here.
const share = (value: number | null | undefined) =>
  value == null ? NONE : `${(value * 100).toFixed(2)} %`;

function statsOf(qoe: Qoe): Stat[] {
  return [
    { label: text.system.views, value: qoe.views.toLocaleString(), testId: "views" },
    {
      label: text.system.startup,
      value: secs(qoe.startup_secs?.p50),
      more: text.system.startupMore(secs(qoe.startup_secs?.p95)),
    },
    {
      label: text.system.rebuffer,
      value: share(qoe.rebuffer_ratio),
      more: text.system.rebufferMore,
    },
    { label: text.system.meanRate, value: rate(qoe.mean_bps), more: text.system.meanRateMore },
    {
      label: text.system.errors,
      value: qoe.errors.toLocaleString(),
      more: text.system.errorsMore(share(qoe.errors / qoe.views)),
      ...(qoe.errors > 0 ? { tone: "bad" as const } : {}),
    },
  ];
}

function Players({ players }: { players: Record<string, QoeFigures> }) {
  const rows = Object.entries(players);
  if (rows.length === 0) return null;
  return (
    // A region that scrolls can be reached by the keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on phones.
    <section className={css.scroll} aria-label={text.system.player} tabIndex={0}>
      <table className={css.table}>
        <thead>
          <tr>
            <th scope="col">{text.system.player}</th>
            <th scope="col">{text.system.views}</th>
            <th scope="col">{text.system.startupP50}</th>
            <th scope="col">{text.system.startupP95}</th>
            <th scope="col">{text.system.rebuffer}</th>
            <th scope="col">{text.system.meanRate}</th>
            <th scope="col">{text.system.errors}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([player, figures]) => (
            <tr key={player}>
              <th scope="row">{text.system.playerName(player)}</th>
              <td>{figures.views.toLocaleString()}</td>
              <td>{secs(figures.startup_secs?.p50)}</td>
              <td>{secs(figures.startup_secs?.p95)}</td>
              <td>{share(figures.rebuffer_ratio)}</td>
              <td>{rate(figures.mean_bps)}</td>
              <td>{figures.errors.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
