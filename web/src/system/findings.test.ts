import { expect, test } from "vitest";
import type { DoctorFinding, Severity } from "../api/types";
import { countOf, findingKey, sortFindings } from "./findings";

const finding = (id: string, severity: Severity, group = "Machine"): DoctorFinding => ({
  id,
  group,
  severity,
  subject: "",
  what: `${id} was looked at`,
  why: "It matters.",
});

const found = [
  finding("clock", "note"),
  finding("memory", "ok"),
  finding("disk", "error"),
  finding("listen", "warning", "Network"),
  finding("dns", "skipped", "Network"),
  finding("files", "error"),
  finding("tls", "ok", "Network"),
];
const ids = (findings: DoctorFinding[]) => findings.map(({ id }) => id);

test("troubles come first, the worst of them at the top and equal ones in their order", () => {
  expect(ids(sortFindings(found).troubles)).toEqual(["disk", "files", "listen", "clock"]);
});

test("all others stay with their part of the appliance", () => {
  const { groups } = sortFindings(found);
  expect(groups.map(({ name, findings }) => [name, ids(findings)])).toEqual([
    ["Machine", ["memory"]],
    ["Network", ["dns", "tls"]],
  ]);
  expect(sortFindings([])).toEqual({ troubles: [], groups: [] });
});

test("findings are counted by severity", () => {
  const severities: Severity[] = ["error", "warning", "note", "skipped", "ok"];
  expect(severities.map((severity) => countOf(found, severity))).toEqual([2, 1, 1, 1, 2]);
});

test("findings of one check have keys of their own", () => {
  const one = { ...finding("bucket", "ok"), subject: "private" };
  const other = { ...finding("bucket", "ok"), subject: "public" };
  expect(findingKey(one)).not.toBe(findingKey(other));
});
