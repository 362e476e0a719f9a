import type { ReactNode } from "react";
import css from "./Badge.module.css";

export type Tone = "neutral" | "accent" | "good" | "warn" | "bad";

interface BadgeProps {
  tone?: Tone;
  icon?: ReactNode;
  children: ReactNode;
  testId?: string;
  /** The state as the API names it, for tests. */
  state?: string;
}

/** A small label, such as the state of a video. Its text says all that its colour says. */
export function Badge({ tone = "neutral", icon, children, testId, state }: BadgeProps) {
  return (
    <span className={`${css.badge} ${css[tone]}`} data-testid={testId} data-state={state}>
      {icon}
      {children}
    </span>
  );
}
