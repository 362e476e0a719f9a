// Filters, order and look of the list: all of it is in the URL.

export const SORTS = ["-created", "created", "title", "-title"] as const;
export type Sort = (typeof SORTS)[number];
export type View = "cards" | "table";

export interface Filters {
  q: string;
  /** States with commas between them; "" for all that are not deleted. */
  state: string;
  tag: string;
  /** Failure code, as links of other views have it. */
  code: string;
  sort: Sort;
  view: View;
}

export const TRASH = "deleting";
// Deleted videos are in the trash alone.
const NOT_DELETED = "uploading,queued,waiting,running,ready,failed";
const ALL: Filters = { q: "", state: "", tag: "", code: "", sort: "-created", view: "cards" };
const NAMES = ["q", "state", "tag", "code", "sort", "view"] as const;

export function readFilters(search: URLSearchParams): Filters {
  const sort = SORTS.find((name) => name === search.get("sort"));
  return {
    q: search.get("q") ?? "",
    state: search.get("state") ?? "",
    tag: search.get("tag") ?? "",
    code: search.get("code") ?? "",
    sort: sort ?? ALL.sort,
    view: search.get("view") === "table" ? "table" : "cards",
  };
}

/** The same parameters with these filters. Those at their defaults are left out. */
export function writeFilters(search: URLSearchParams, filters: Filters): URLSearchParams {
  const written = new URLSearchParams(search);
  for (const name of NAMES) {
    if (filters[name] === ALL[name]) written.delete(name);
    else written.set(name, filters[name]);
  }
  return written;
}

/** Whether they narrow the list. */
export const isNarrowed = ({ q, state, tag, code }: Filters) =>
  q.trim() !== "" || state !== "" || tag !== "" || code !== "";

/** The same view and order of all videos. */
export const withoutFilters = ({ sort, view }: Filters): Filters => ({ ...ALL, sort, view });

export interface ListQuery {
  q?: string;
  state: string;
  tag?: string;
  code?: string;
  sort: Sort;
}

/** Parameters of the request: those of the same list are equal. */
export function listQuery({ q, state, tag, code, sort }: Filters): ListQuery {
  const query: ListQuery = { state: state || (code ? "failed" : NOT_DELETED), sort };
  if (q.trim()) query.q = q.trim();
  if (tag) query.tag = tag;
  if (code) query.code = code;
  return query;
}
