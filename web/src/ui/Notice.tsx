import type { ReactNode } from "react";
import css from "./Notice.module.css";

interface NoticeProps {
  tone: "info" | "warn" | "bad";
  children: ReactNode;
  action?: ReactNode;
  testId?: string;
}

/** A sentence in a box. A bad one is read out at once. */
export function Notice({ tone, children, action, testId }: NoticeProps) {
  return (
    <div
      className={`${css.notice} ${css[tone]}`}
      role={tone === "bad" ? "alert" : "status"}
      data-testid={testId}
    >
      <div>{children}</div>
      {action}
    </div>
  );
}

interface BlankProps {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  testId?: string;
}

/** Stands where a view has nothing to show: it is empty, offline, or something failed. */
export function Blank({ icon, title, children, action, testId }: BlankProps) {
  return (
    <div className={css.blank} data-testid={testId}>
      {icon && <div className={css.icon}>{icon}</div>}
      <h2>{title}</h2>
      {children && <div className={css.more}>{children}</div>}
      {action}
    </div>
  );
}

/** Holds the place of something that is loading. */
export function Skeleton({ height, width = "100%" }: { height: string; width?: string }) {
  return <div className={css.skeleton} style={{ height, width }} aria-hidden="true" />;
}
