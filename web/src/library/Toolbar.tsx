import { FunnelX, LayoutGrid, Rows3, Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { text } from "../text";
import { IconButton } from "../ui/Button";
import { Select } from "../ui/Field";
import { type Filters, isNarrowed, SORTS, withoutFilters } from "./filters";
import css from "./Toolbar.module.css";

const DEBOUNCE_MS = 250;

interface ToolbarProps {
  filters: Filters;
  /** Tags to choose from. */
  tags: string[];
  onChange: (filters: Filters) => void;
}

const sortOptions = SORTS.map((value) => ({ value, label: text.library.sorts[value] }));

/** Search, filters, order and view. */
export function Toolbar({ filters, tags, onChange }: ToolbarProps) {
  const states = Object.entries(text.library.states);
  // Links of other views may have other combinations.
  if (!(filters.state in text.library.states)) states.push([filters.state, filters.state]);
  const choices = [...new Set([...(filters.tag ? [filters.tag] : []), ...tags])].sort();
  const set = (change: Partial<Filters>) => onChange({ ...filters, ...change });
  return (
    <search className={css.toolbar} aria-label={text.library.tools}>
      <SearchField value={filters.q} onChange={(q) => set({ q })} />
      <div className={css.selects}>
        <Select
          label={text.library.state}
          isLabelHidden
          value={filters.state}
          options={states.map(([value, label]) => ({ value, label }))}
          onChange={(state) => set({ state, code: "" })}
        />
        <Select
          label={text.library.tag}
          isLabelHidden
          value={filters.tag}
          options={[
            { value: "", label: text.library.anyTag },
            ...choices.map((value) => ({ value, label: value })),
          ]}
          onChange={(tag) => set({ tag })}
        />
        <Select
          label={text.library.sort}
          isLabelHidden
          value={filters.sort}
          options={sortOptions}
          onChange={(sort) => set({ sort })}
        />
      </div>
      {filters.code && (
        <button
          type="button"
          className={css.chip}
          aria-label={text.library.removeFilter(filters.code)}
          onClick={() => set({ code: "", state: "" })}
        >
          {text.library.failedWith(filters.code)}
          <X aria-hidden="true" />
        </button>
      )}
      {isNarrowed(filters) && (
        <IconButton
          label={text.library.clearFilters}
          icon={<FunnelX />}
          onClick={() => onChange(withoutFilters(filters))}
          data-testid="clear-filters"
        />
      )}
      <fieldset className={css.views}>
        <legend className="visually-hidden">{text.library.view}</legend>
        <ViewButton view="cards" filters={filters} onChange={onChange} />
        <ViewButton view="table" filters={filters} onChange={onChange} />
      </fieldset>
    </search>
  );
}

interface ViewButtonProps {
  view: Filters["view"];
  filters: Filters;
  onChange: (filters: Filters) => void;
}

function ViewButton({ view, filters, onChange }: ViewButtonProps) {
  return (
    <button
      type="button"
      className={css.view}
      aria-pressed={filters.view === view}
      aria-label={text.library[view]}
      title={text.library[view]}
      onClick={() => onChange({ ...filters, view })}
    >
      {view === "cards" ? <LayoutGrid aria-hidden="true" /> : <Rows3 aria-hidden="true" />}
    </button>
  );
}

interface SearchFieldProps {
  value: string;
  onChange: (value: string) => void;
}

// A word is searched for once the typing pauses.
function SearchField({ value, onChange }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  const onChangeNow = useRef(onChange);
  onChangeNow.current = onChange;
  // The address has changed by other means, such as the browser's way back.
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setTyped(value);
  }, [value]);
  useEffect(() => {
    if (typed === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = typed;
      onChangeNow.current(typed);
    }, DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <div className={css.search}>
      <Search className={css.icon} aria-hidden="true" />
      <input
        type="search"
        className={css.input}
        value={typed}
        placeholder={text.library.search}
        aria-label={text.library.search}
        title={text.library.searchHint}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && setTyped("")}
        data-testid="search"
      />
      {typed && (
        <button
          type="button"
          className={css.clear}
          aria-label={text.library.clearSearch}
          onClick={() => setTyped("")}
        >
          <X aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
