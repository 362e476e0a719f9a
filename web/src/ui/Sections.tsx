import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import css from "./Sections.module.css";

export interface Section {
  to: string;
  label: string;
  icon?: ReactNode;
  /** A count beside the label, such as that of failures. */
  count?: number;
}

interface SectionsProps {
  /** Name of the list for screen readers. */
  label: string;
  sections: Section[];
}

/** Tabs of a view, each with an address of its own. */
export function Sections({ label, sections }: SectionsProps) {
  const [path] = useLocation();
  const [first] = sections;
  const current =
    sections.slice(1).find(({ to }) => path === to || path.startsWith(`${to}/`)) ?? first;
  const list = useRef<HTMLElement>(null);
  const counts = sections.map(({ count }) => count).join();
  // On phones, not all of them have room.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place has another current one, which counts move.
  useEffect(() => {
    list.current
      ?.querySelector("[aria-current]")
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current?.to, counts]);
  return (
    <nav ref={list} className={css.sections} aria-label={label}>
      {sections.map((section) => (
        <Link
          key={section.to}
          href={section.to}
          className={css.section}
          aria-current={section === current ? "page" : undefined}
        >
          {section.icon}
          {section.label}
          {section.count !== undefined && section.count > 0 && (
            <span className={css.count}>{section.count.toLocaleString()}</span>
          )}
        </Link>
      ))}
    </nav>
  );
}
