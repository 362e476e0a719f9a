import { type ReactNode, useId } from "react";
import css from "./Panel.module.css";

interface PanelProps {
  title: string;
  /** A sentence below the title. */
  description?: ReactNode;
  /** Buttons beside the title. */
  actions?: ReactNode;
  children?: ReactNode;
  /** Lets the content reach the edges, as tables and lists do. */
  isFlush?: boolean;
  testId?: string;
}

/** A part of a view with its title, in a box. */
export function Panel({ title, description, actions, children, isFlush, testId }: PanelProps) {
  const id = useId();
  return (
    <section className={css.panel} aria-labelledby={id} data-testid={testId}>
      <header className={css.header}>
        <div className={css.words}>
          <h2 id={id} className={css.title}>
            {title}
          </h2>
          {description && <p className={css.description}>{description}</p>}
        </div>
        {actions && <div className={css.actions}>{actions}</div>}
      </header>
      {children && <div className={isFlush ? css.flush : css.content}>{children}</div>}
    </section>
  );
}
