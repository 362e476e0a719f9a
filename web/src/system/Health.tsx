import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, TriangleAlert } from "lucide-react";
import type { Readiness, System } from "../api/types";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Loaded } from "../ui/Loaded";
import { Words } from "../ui/Words";
import css from "./Health.module.css";
import { readinessQuery } from "./queries";

// Parts beat each second or so; the daemon restarts one that hangs.
const SILENT_SECS = 15;

interface Trouble {
  name: string;
  why: string;
}

/** Whether all works, and why not. */
export function Health({ system }: { system: System | undefined }) {
  const query = useQuery(readinessQuery);
  return (
    <div className={css.health} role="status" data-testid="health">
      <Loaded query={query} height="3.5rem">
        {(readiness) => <Verdict readiness={readiness} troubles={troublesOf(readiness, system)} />}
      </Loaded>
      {system && <Remarks system={system} />}
    </div>
  );
}

function troublesOf(readiness: Readiness, system: System | undefined): Trouble[] {
  const broken = readiness.components
    .filter(({ ok }) => !ok)
    .map(({ name, why }) => ({ name, why: why ?? text.system.noReason }));
  const silent = (system?.parts ?? [])
    .filter(({ last_beat_secs }) => last_beat_secs > SILENT_SECS)
    .map(({ name, last_beat_secs }) => ({ name, why: text.system.noBeat(last_beat_secs) }));
  return [...broken, ...silent];
}

function Verdict({ readiness, troubles }: { readiness: Readiness; troubles: Trouble[] }) {
  const isWell = troubles.length === 0 && readiness.ready;
  const abilities = [
    { label: text.system.uploads, isOk: readiness.uploads },
    { label: text.system.jobs, isOk: readiness.jobs },
    { label: text.system.streams, isOk: readiness.playback },
  ];
  return (
    <div
      className={`${css.verdict} ${isWell ? css.well : css.ill}`}
      data-state={isWell ? "ok" : "bad"}
    >
      <span className={css.icon}>{isWell ? <CircleCheck /> : <TriangleAlert />}</span>
      <div className={css.words}>
        <h2>{isWell ? text.system.healthy : text.system.unhealthy}</h2>
        <p className={css.soft}>{isWell ? text.system.healthyMore : text.system.unhealthyMore}</p>
      </div>
      <ul className={css.abilities}>
        {abilities.map(({ label, isOk }) => (
          <li key={label}>
            <Badge tone={isOk ? "good" : "bad"} icon={isOk ? <CircleCheck /> : <CircleX />}>
              {label}
              <span className="visually-hidden">
                {" "}
                {isOk ? text.system.works : text.system.worksNot}
              </span>
            </Badge>
          </li>
        ))}
      </ul>
      {troubles.length > 0 && (
        <dl className={css.troubles}>
          {troubles.map(({ name, why }) => (
            <div key={name}>
              <dt>{text.system.part(name)}</dt>
              <dd>
                <Words text={why} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

// Facts that need no action today.
function Remarks({ system }: { system: System }) {
  const { store, left_alone_objects: leftAlone } = system;
  const remarks = [
    store.conditional_writes ? "" : text.system.weakWrites,
    store.conditional_deletes ? "" : text.system.weakDeletes,
    leftAlone > 0 ? text.system.leftAlone(leftAlone) : "",
  ].filter(Boolean);
  if (remarks.length === 0) return null;
  return (
    <ul className={css.remarks}>
      {remarks.map((remark) => (
        <li key={remark}>
          <Words text={remark} />
        </li>
      ))}
    </ul>
  );
}
