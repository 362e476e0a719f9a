import { SearchX, ServerCrash, Trash2, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Blank, Notice, Skeleton } from "../ui/Notice";
import { FirstRun } from "./FirstRun";
import { type Filters, isNarrowed, TRASH, withoutFilters } from "./filters";
import css from "./Library.module.css";
import type { useVideoPages } from "./pages";

interface StatesProps {
  pages: ReturnType<typeof useVideoPages>;
  filters: Filters;
  onFilters: (filters: Filters) => void;
  list: ReactNode;
}

/** The list, or what stands in its place. */
export function States({ pages, filters, onFilters, list }: StatesProps) {
  const { data, error, isError, fetchStatus, refetch, extent, total } = pages;
  const words = text.library;
  const again = <Button onClick={() => void refetch()}>{text.common.retry}</Button>;
  if (!data) {
    if (fetchStatus === "paused") {
      return (
        <Blank icon={<WifiOff aria-hidden="true" />} title={words.offline} testId="library-offline">
          {words.offlineHint}
        </Blank>
      );
    }
    if (isError) {
      return (
        <Blank
          icon={<ServerCrash aria-hidden="true" />}
          title={text.common.failed}
          testId="library-error"
          action={again}
        >
          {error.message}
        </Blank>
      );
    }
    return <Loading view={filters.view} />;
  }
  if (extent === 0) {
    if (filters.state === TRASH && !filters.q && !filters.tag) {
      return (
        <Blank icon={<Trash2 aria-hidden="true" />} title={words.trashEmpty} testId="trash-empty">
          {words.trashEmptyHint}
        </Blank>
      );
    }
    if (isNarrowed(filters)) {
      return (
        <Blank
          icon={<SearchX aria-hidden="true" />}
          title={words.noneFound}
          testId="none-found"
          action={
            <Button onClick={() => onFilters(withoutFilters(filters))}>{words.clearFilters}</Button>
          }
        >
          {words.noneFoundHint}
        </Blank>
      );
    }
    if (data.pages[0]?.is_complete === false) return <Loading view={filters.view} />;
    if (total === 0) return <FirstRun mayRead />;
    // All that was there has just been deleted.
    return <Blank title={words.count(0)} testId="none" />;
  }
  return (
    <>
      {list}
      {isError && (
        <div className={css.end}>
          <Notice tone="bad" action={again} testId="next-failed">
            {words.nextFailed}: {error.message}
          </Notice>
        </div>
      )}
    </>
  );
}

function Loading({ view }: { view: Filters["view"] }) {
  const places = Array.from({ length: 12 }, (_, place) => place);
  if (view === "table") {
    return (
      <div className={css.rows} data-testid="library-loading">
        {places.map((place) => (
          <Skeleton key={place} height="4rem" />
        ))}
      </div>
    );
  }
  return (
    <div className={css.skeletons} data-testid="library-loading">
      {places.map((place) => (
        <div key={place} className={css.skeleton}>
          <Skeleton height="auto" />
          <Skeleton height="1rem" width="70%" />
          <Skeleton height="1rem" width="40%" />
        </div>
      ))}
    </div>
  );
}
