import { useQuery, useQueryClient } from "@tanstack/react-query";
import {
  CircleCheck,
  CircleMinus,
  CircleX,
  Copy,
  Info,
  Stethoscope,
  TriangleAlert,
} from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, body } from "../api/client";
import type { DoctorFinding, DoctorReport, Severity } from "../api/types";
import { useMay } from "../session/session";
import { text } from "../text/operator";
import { Badge, type Tone } from "../ui/Badge";
import { Button, IconButton } from "../ui/Button";
import { writeClipboard } from "../ui/clipboard";
import { moment } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Blank, Notice } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { tell, tellError } from "../ui/toasts";
import { Words } from "../ui/Words";
import css from "./Doctor.module.css";
import { countOf, findingKey, sortFindings } from "./findings";
import { doctorQuery } from "./queries";

const LOOKS: Record<Severity, { tone: Tone; icon: ReactNode }> = {
  error: { tone: "bad", icon: <CircleX /> },
  warning: { tone: "warn", icon: <TriangleAlert /> },
  note: { tone: "accent", icon: <Info /> },
  skipped: { tone: "neutral", icon: <CircleMinus /> },
  ok: { tone: "good", icon: <CircleCheck /> },
};
const SEVERITIES = Object.keys(LOOKS) as Severity[];

/** What `ladderd doctor` finds, examined on request. */
export function Doctor() {
  const mayExamine = useMay("admin");
  if (!mayExamine) return <Notice tone="info">{text.system.doctorForbidden}</Notice>;
  return <Examination />;
}

function Examination() {
  const client = useQueryClient();
  const query = useQuery(doctorQuery);
  const [isAsking, setAsking] = useState(false);
  const isRunning = isAsking || query.data?.running === true;
  const examine = async () => {
    setAsking(true);
    try {
      client.setQueryData(doctorQuery.queryKey, await body(api.POST("/v1/doctor")));
    } catch (reason) {
      tellError(text.system.examineFailed, reason);
    } finally {
      setAsking(false);
    }
  };
  return (
    <Panel
      title={text.system.doctorTitle}
      description={text.system.doctorMore}
      isFlush
      testId="doctor"
      actions={
        <Button
          look="primary"
          icon={<Stethoscope />}
          onClick={examine}
          disabled={isRunning}
          data-testid="examine"
        >
          {isRunning ? text.system.examining : text.system.examine}
        </Button>
      }
    >
      <p className="visually-hidden" role="status">
        {isRunning ? text.system.examining : ""}
      </p>
      <Loaded query={query} height="20rem">
        {({ report }) =>
          report ? (
            <Report report={report} />
          ) : (
            <Blank icon={<Stethoscope />} title={text.system.notExamined}>
              {text.system.notExaminedMore}
            </Blank>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Report({ report }: { report: DoctorReport }) {
  const { findings, began_at: began, took_ms: took, host, version } = report;
  const { troubles, groups } = sortFindings(findings);
  const others = groups.reduce((sum, { findings: found }) => sum + found.length, 0);
  return (
    <>
      <div className={css.summary} data-testid="examined" data-worst={report.worst}>
        <ul className={css.counts}>
          {SEVERITIES.map((severity) => {
            const count = countOf(findings, severity);
            if (count === 0) return null;
            return (
              <li key={severity}>
                <Badge tone={LOOKS[severity].tone} icon={LOOKS[severity].icon}>
                  {text.system.severityCount(severity, count)}
                </Badge>
              </li>
            );
          })}
        </ul>
        <p className={css.soft}>{text.system.examinedAt(moment(began), took / 1000)}</p>
        <p className={css.soft}>{text.system.examinedBy(version, host)}</p>
      </div>
      {troubles.length > 0 ? (
        <ul className={css.findings}>
          {troubles.map((finding) => (
            <Trouble key={findingKey(finding)} finding={finding} />
          ))}
        </ul>
      ) : (
        <Blank icon={<CircleCheck />} title={text.system.noTrouble} />
      )}
      {others > 0 && (
        <details className={css.others}>
          <summary>{text.system.otherChecks(others)}</summary>
          {groups.map(({ name, findings: found }) => (
            <section key={name} className={css.part}>
              <h3>{name}</h3>
              <ul>
                {found.map((finding) => (
                  <Other key={findingKey(finding)} finding={finding} />
                ))}
              </ul>
            </section>
          ))}
        </details>
      )}
    </>
  );
}

function Trouble({ finding }: { finding: DoctorFinding }) {
  const { id, severity, group, subject, what, why, mend } = finding;
  return (
    <li className={css.finding} data-testid="finding" data-id={id} data-severity={severity}>
      <div className={css.head}>
        <Badge tone={LOOKS[severity].tone} icon={LOOKS[severity].icon}>
          {text.system.severity(severity)}
        </Badge>
        <h3 className={css.id}>{id}</h3>
        <span className={css.soft}>{subject ? `${group} · ${subject}` : group}</span>
      </div>
      <p className={css.what}>
        <Words text={what} />
      </p>
      <p className={css.soft}>
        <Words text={why} />
      </p>
      {mend && <Mend id={id} command={mend} />}
    </li>
  );
}

function Mend({ id, command }: { id: string; command: string }) {
  const copy = async () => {
    try {
      await writeClipboard(command);
      tell(text.system.mendCopied);
    } catch (reason) {
      tellError(text.system.mendNotCopied, reason);
    }
  };
  return (
    <div className={css.mend}>
      <pre className={css.command}>
        <code>{command}</code>
      </pre>
      <IconButton label={text.system.copyMend(id)} icon={<Copy />} onClick={copy} />
    </div>
  );
}

function Other({ finding }: { finding: DoctorFinding }) {
  const { id, severity, subject, what } = finding;
  return (
    <li className={css.other} data-testid="finding" data-id={id} data-severity={severity}>
      <span className={severity === "ok" ? css.well : css.soft} aria-hidden="true">
        {LOOKS[severity].icon}
      </span>
      <p>
        <span className="visually-hidden">{text.system.severity(severity)}: </span>
        <b>{id}</b> {subject && <span className={css.soft}>{subject} </span>}
        <Words text={what} />
      </p>
    </li>
  );
}
