import type { ReactNode } from "react";
import css from "./Stats.module.css";

export interface Stat {
  label: string;
  value: ReactNode;
  more?: ReactNode;
  /** A bar below, such as that of a disk: 0 to 1. */
  share?: number;
  tone?: "bad";
  testId?: string;
}

/** Figures side by side. */
export function Stats({ stats }: { stats: Stat[] }) {
  return (
    <dl className={css.stats}>
      {stats.map(({ label, value, more, share, tone, testId }) => (
        <div key={label} className={css.stat} data-testid={testId}>
          <dt className={css.label}>{label}</dt>
          <dd className={`${css.value} ${tone ? css[tone] : ""}`}>{value}</dd>
          {more !== undefined && <dd className={css.more}>{more}</dd>}
          {share !== undefined && (
            <dd className={css.track} aria-hidden="true">
              <span className={css.bar} style={{ transform: `scaleX(${share})` }} />
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}
