import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { useState } from "react";
import { ApiError, api, body } from "../../api/client";
import { keys } from "../../api/queries";
import type { Finding, Video } from "../../api/types";
import { text } from "../../text/viewer";
import { Badge } from "../../ui/Badge";
import { plural } from "../../ui/format";
import css from "./panel.module.css";
import { Fold } from "./Section";

/** Findings of the check that each stream passes before it is published. */
export function Report({ video }: { video: Video }) {
  const hasEnded = video.state === "ready" || video.state === "failed";
  const [isOpen, setOpen] = useState(false);
  const query = useQuery({
    queryKey: [...keys.video(video.id), "report", video.attempt, video.state],
    queryFn: () => body(api.GET("/v1/videos/{id}/report", { params: { path: { id: video.id } } })),
    enabled: hasEnded && isOpen,
    retry: (count, error) => count < 2 && error instanceof ApiError && error.isPassing,
  });
  const findings = query.data?.conformance?.findings;
  const badge = findings && summary(findings);
  return (
    <Fold title={text.watch.report} action={badge} testId="report" onOpen={() => setOpen(true)}>
      {!hasEnded ? (
        <p className={css.soft}>{text.watch.reportSoon}</p>
      ) : !findings ? (
        <p className={css.soft}>{query.isPending ? text.common.loading : text.watch.reportNone}</p>
      ) : findings.length === 0 ? (
        <p className={css.soft}>{text.watch.reportGood}</p>
      ) : (
        <ul className={css.items}>
          {findings.map((finding) => (
            <li key={`${finding.rule} ${finding.place} ${finding.message}`} className={css.finding}>
              <p className={css.findingTop}>
                <Badge tone={finding.level === "MUST" ? "bad" : "warn"}>
                  {finding.level === "MUST" ? text.watch.must : text.watch.should}
                </Badge>
                <strong>{finding.rule}</strong>
              </p>
              <p>{finding.message}</p>
              <code>{finding.place}</code>
            </li>
          ))}
        </ul>
      )}
    </Fold>
  );
}

function summary(findings: Finding[]) {
  if (findings.length === 0) {
    return (
      <Badge tone="good" icon={<CircleCheck aria-hidden="true" />}>
        0
      </Badge>
    );
  }
  const musts = findings.filter(({ level }) => level === "MUST").length;
  const { mustFinding, mustFindings, shouldFinding, shouldFindings } = text.watch;
  const [count, one, many] =
    musts > 0
      ? [musts, mustFinding, mustFindings]
      : [findings.length, shouldFinding, shouldFindings];
  return <Badge tone={musts > 0 ? "bad" : "warn"}>{plural(count, one, many)}</Badge>;
}
