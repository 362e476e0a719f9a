// The findings of an examination, as the page shows them.

import type { DoctorFinding, Severity } from "../api/types";

/** The severities that somebody should read about, the worst first. */
const TROUBLES: readonly Severity[] = ["error", "warning", "note"];

/** What needs attention, the worst first, and the rest, by part of the appliance. */
export interface Sorted {
  troubles: DoctorFinding[];
  groups: { name: string; findings: DoctorFinding[] }[];
}

export function sortFindings(findings: readonly DoctorFinding[]): Sorted {
  // Findings of one severity stay in their order.
  const troubles = TROUBLES.flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity),
  );
  const groups = new Map<string, DoctorFinding[]>();
  for (const finding of findings) {
    if (TROUBLES.includes(finding.severity)) continue;
    groups.set(finding.group, [...(groups.get(finding.group) ?? []), finding]);
  }
  return { troubles, groups: [...groups].map(([name, found]) => ({ name, findings: found })) };
}

/** Number of findings of a severity. */
export const countOf = (findings: readonly DoctorFinding[], severity: Severity): number =>
  findings.filter((finding) => finding.severity === severity).length;

/** Tells the findings of a check apart. */
export const findingKey = ({ id, subject, what }: DoctorFinding) => `${id} ${subject} ${what}`;
