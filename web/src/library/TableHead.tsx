// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed one by one are no <table>.
// biome-ignore-all lint/a11y/useFocusableInteractive: what is in them has the focus.
import { ArrowDown, ArrowUp } from "lucide-react";
import { text } from "../text";
import type { Sort } from "./filters";
import css from "./Table.module.css";

interface TableHeadProps {
  sort: Sort;
  onSort: (sort: Sort) => void;
}

const { columns } = text.library;

/** The names of the columns; title and date change the order. */
export function TableHead({ sort, onSort }: TableHeadProps) {
  const sortable = (label: string, up: Sort, down: Sort, first: Sort) => {
    const direction = sort === up ? "ascending" : sort === down ? "descending" : "none";
    const next = sort === up ? down : sort === down ? up : first;
    return {
      "aria-sort": direction,
      children: (
        <button
          type="button"
          className={css.sort}
          title={text.library.sortBy(label)}
          onClick={() => onSort(next)}
        >
          {label}
          {direction === "ascending" && <ArrowUp aria-hidden="true" />}
          {direction === "descending" && <ArrowDown aria-hidden="true" />}
        </button>
      ),
    } as const;
  };
  return (
    <div role="rowgroup">
      <div role="row" className={css.head} aria-rowindex={1}>
        <div role="columnheader">
          <span className="visually-hidden">{text.library.selection}</span>
        </div>
        <div role="columnheader" {...sortable(columns.title, "title", "-title", "title")} />
        <div role="columnheader" className={css.state}>
          {columns.state}
        </div>
        <div role="columnheader" className={css.length}>
          {columns.length}
        </div>
        <div role="columnheader" className={css.quality}>
          {columns.quality}
        </div>
        <div role="columnheader" className={css.tags}>
          {columns.tags}
        </div>
        <div
          role="columnheader"
          className={css.created}
          {...sortable(columns.created, "created", "-created", "-created")}
        />
        <div role="columnheader">
          <span className="visually-hidden">{text.common.more}</span>
        </div>
      </div>
    </div>
  );
}
