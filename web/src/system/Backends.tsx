import { CircleCheck, CircleMinus, TriangleAlert } from "lucide-react";
import type { Backend, System } from "../api/types";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Panel } from "../ui/Panel";
import { Words } from "../ui/Words";
import css from "./Backends.module.css";

/** All backends: those that encode as cards, then those that cannot be used here, with the reason. */
export function Backends({ system }: { system: System }) {
  const backends = [...system.backends].sort((a, b) => b.priority - a.priority);
  const first = backends.find(({ state }) => state === "available");
  const [usable, others] = [
    backends.filter(({ state }) => state !== "unavailable"),
    backends.filter(({ state }) => state === "unavailable"),
  ];
  return (
    <Panel title={text.system.backends} description={text.system.backendsMore} testId="backends">
      <ul className={css.cards}>
        {usable.map((backend) => (
          <Card key={keyOf(backend)} backend={backend} isFirst={backend === first} />
        ))}
      </ul>
      {others.length > 0 && (
        <details className={css.others} open={usable.length === 0}>
          <summary>{text.system.moreOff(others.length)}</summary>
          <ul className={css.cards}>
            {others.map((backend) => (
              <Card key={keyOf(backend)} backend={backend} isFirst={false} />
            ))}
          </ul>
        </details>
      )}
    </Panel>
  );
}

const keyOf = ({ name, device }: Backend) => `${name} ${device ?? ""}`;

const LOOKS = {
  available: { tone: "good", icon: <CircleCheck /> },
  quarantined: { tone: "warn", icon: <TriangleAlert /> },
  unavailable: { tone: "neutral", icon: <CircleMinus /> },
} as const;

function Card({ backend, isFirst }: { backend: Backend; isFirst: boolean }) {
  const look = LOOKS[backend.state] ?? LOOKS.unavailable;
  const facts: [string, string][] = [];
  if (backend.device) facts.push([text.system.device, backend.device]);
  if (backend.encoder) facts.push([text.system.encoder, backend.encoder]);
  if (backend.trial_fps) facts.push([text.system.trial, text.system.fps(backend.trial_fps)]);
  facts.push([text.system.priority, String(backend.priority)]);
  return (
    <li className={css.card} data-testid="backend" data-state={backend.state}>
      <div className={css.head}>
        <h3 className={css.name}>{backend.name}</h3>
        {isFirst && <Badge tone="accent">{text.system.first}</Badge>}
        <Badge tone={look.tone} icon={look.icon}>
          {text.system.backendState(backend.state)}
        </Badge>
      </div>
      <dl className={css.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {backend.reason && (
        <p className={css.reason}>
          <Words text={backend.reason} />
        </p>
      )}
      {backend.remedy && (
        <p className={css.remedy}>
          <b>{text.system.remedy}</b> <Words text={backend.remedy} />
        </p>
      )}
      <Sentences title={null} sentences={backend.warnings ?? []} />
      <Sentences title={text.system.cannot} sentences={backend.cannot ?? []} />
    </li>
  );
}

function Sentences({ title, sentences }: { title: string | null; sentences: string[] }) {
  if (sentences.length === 0) return null;
  return (
    <div className={title ? css.reason : css.warning}>
      {title && <b>{title}</b>}
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>
            <Words text={sentence} />
          </li>
        ))}
      </ul>
    </div>
  );
}
