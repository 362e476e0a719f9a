import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { Link } from "wouter";
import type { FailureGroup } from "../api/types";
import { text } from "../text/operator";
import { Badge, type Tone } from "../ui/Badge";
import { moment } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Blank } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { Words } from "../ui/Words";
import css from "./Failures.module.css";
import { failuresQuery } from "./queries";

/** Failed videos, grouped by the code of their error, the most frequent one first. */
export function Failures() {
  const query = useQuery(failuresQuery);
  return (
    <Panel
      title={text.system.failuresTitle}
      description={text.system.failuresMore}
      isFlush
      testId="failures"
    >
      <Loaded query={query} height="20rem">
        {({ failures }) =>
          failures.length === 0 ? (
            <Blank icon={<CircleCheck />} title={text.system.failuresNone}>
              {text.system.failuresNoneMore}
            </Blank>
          ) : (
            <ul className={css.groups}>
              {[...failures]
                .sort((a, b) => b.count - a.count)
                .map((group) => (
                  <Group key={group.code} group={group} />
                ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

const TONES: Record<string, Tone> = { source: "neutral", surroundings: "warn", ladderd: "bad" };

function Group({ group }: { group: FailureGroup }) {
  const { code, count, meaning, advice, fault, latest_at: latest, video_ids: ids } = group;
  return (
    <li className={css.group} data-testid="failure" data-code={code}>
      <p className={css.count}>{count.toLocaleString()}</p>
      <div className={css.words}>
        <div className={css.head}>
          <h3 className={css.code}>{code}</h3>
          <Badge tone={TONES[fault] ?? "neutral"}>{text.system.fault(fault)}</Badge>
        </div>
        <p>
          <Words text={meaning} />
        </p>
        <p className={css.advice}>
          <b>{text.system.advice}</b> <Words text={advice} />
        </p>
        {ids.length > 0 && (
          <p className={css.facts}>
            {text.system.examples}{" "}
            {ids.map((id) => (
              <Link key={id} href={`/watch/${encodeURIComponent(id)}`} className={css.example}>
                {id.slice(0, 8)}
              </Link>
            ))}
          </p>
        )}
        <p className={css.facts}>
          {latest && <>{text.system.latestAt(moment(latest))} · </>}
          <Link href={`/?state=failed&code=${encodeURIComponent(code)}`}>
            {text.system.showVideos(count)}
          </Link>
        </p>
      </div>
    </li>
  );
}
