import { Link } from "wouter";
import type { RunningJob, System } from "../api/types";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { percent, span } from "../ui/format";
import { Panel } from "../ui/Panel";
import { Progress } from "../ui/Progress";
import css from "./Jobs.module.css";

/** The jobs that this box runs, by stage. */
export function Jobs({ system }: { system: System }) {
  const { jobs } = system;
  return (
    <Panel
      title={text.system.jobsTitle}
      description={jobs.length > 0 ? text.system.jobsMore : text.system.jobsNone}
      isFlush
      testId="jobs"
    >
      {jobs.length > 0 && (
        <ul className={css.jobs}>
          {[...jobs].sort(byStage).map((job) => (
            <Job key={job.video_id} job={job} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

const byStage = (a: RunningJob, b: RunningJob) =>
  a.stage.localeCompare(b.stage) || a.title.localeCompare(b.title);

function Job({ job }: { job: RunningJob }) {
  const { video_id: id, title, stage, progress, speed, eta_secs: eta, backend } = job;
  const facts = [
    backend,
    speed ? text.system.speed(speed) : null,
    eta ? text.system.left(span(eta)) : null,
  ].filter(Boolean);
  return (
    <li className={css.job}>
      <Link href={`/watch/${encodeURIComponent(id)}`} className={css.title}>
        {title || id}
      </Link>
      <Badge tone="accent">{text.system.stage(stage)}</Badge>
      <span className={css.facts}>{facts.join(" · ")}</span>
      <div className={css.progress}>
        <Progress label={text.system.jobProgress(title)} share={progress > 0 ? progress : null} />
        <span className={css.share}>{progress > 0 && percent(progress)}</span>
      </div>
    </li>
  );
}
