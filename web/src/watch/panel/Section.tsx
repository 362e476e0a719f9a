import { ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import css from "./panel.module.css";

interface SectionProps {
  title: string;
  /** Stands at the right of the title. */
  action?: ReactNode;
  children: ReactNode;
  testId?: string;
}

/** A card of the side panel. */
export function Section({ title, action, children, testId }: SectionProps) {
  return (
    <section className={css.card} aria-label={title} data-testid={testId}>
      <header className={css.header}>
        <h2 className={css.title}>{title}</h2>
        {action}
      </header>
      {children}
    </section>
  );
}

interface FoldProps extends SectionProps {
  onOpen?: () => void;
}

/** A card that is closed until somebody wants to know. */
export function Fold({ title, action, children, testId, onOpen }: FoldProps) {
  return (
    <details
      className={css.card}
      data-testid={testId}
      onToggle={(event) => event.currentTarget.open && onOpen?.()}
    >
      <summary className={css.summary}>
        <h2 className={css.title}>{title}</h2>
        {action}
        <ChevronDown aria-hidden="true" className={css.chevron} />
      </summary>
      <div className={css.folded}>{children}</div>
    </details>
  );
}
