import { Link } from "wouter";
import type { System } from "../api/types";
import { text } from "../text/operator";
import { bytes, percent, span } from "../ui/format";
import { type Stat, Stats } from "./Stats";

const DAY_SECS = 86_400;

/** Version, uptime, disk and queue in figures. */
export function Facts({ system }: { system: System }) {
  const { disk, uptime_secs: uptime } = system;
  const stats: Stat[] = [{ label: text.system.version, value: system.version, testId: "version" }];
  if (uptime !== undefined) stats.push({ label: text.system.uptime, value: longSpan(uptime) });
  if (disk) {
    stats.push({
      label: text.system.disk,
      value: bytes(disk.free_bytes),
      more: `${text.system.diskOf(bytes(disk.total_bytes))} (${percent(disk.free_bytes / disk.total_bytes)})`,
      share: 1 - disk.free_bytes / disk.total_bytes,
    });
  }
  return <Stats stats={[...stats, ...queueStats(system, true)]} />;
}

/** The queue in figures. */
export function queueStats(system: System, hasLink: boolean): Stat[] {
  const { queue } = system;
  return [
    {
      label: text.system.queued,
      value: queue.visible.toLocaleString(),
      more: text.system.queuedMore(queue.in_flight),
    },
    {
      label: text.system.running,
      value: system.jobs.length.toLocaleString(),
    },
    {
      label: text.system.dead,
      value: queue.dead.toLocaleString(),
      testId: "dead",
      ...(queue.dead > 0 ? { tone: "bad" } : { more: text.system.deadNone }),
      ...(queue.dead > 0 && hasLink
        ? { more: <Link href="/system/queue">{text.system.deadMore}</Link> }
        : {}),
    },
  ];
}

function longSpan(secs: number): string {
  if (secs < DAY_SECS) return span(secs);
  const hours = Math.floor((secs % DAY_SECS) / 3_600);
  return text.system.days(Math.floor(secs / DAY_SECS), hours);
}
