import { useQuery } from "@tanstack/react-query";
import { FilmIcon } from "lucide-react";
import { ApiError } from "../api/client";
import { videoQuery } from "../api/queries";
import { text } from "../text/viewer";
import { Button } from "../ui/Button";
import { Blank, Skeleton } from "../ui/Notice";
import { isSettled } from "./video";
import { Watch } from "./Watch";
import css from "./Watch.module.css";

// Progress on other boxes does not come by the event stream.
const REFETCH_MS = 5_000;

/** One video: the player, and all that can be known and changed of it. */
export default function WatchPage({ id }: { id: string }) {
  const query = useQuery({
    ...videoQuery(id),
    refetchInterval: ({ state }) => (state.data && isSettled(state.data) ? false : REFETCH_MS),
  });
  const isGone = query.error instanceof ApiError && query.error.status === 404;
  if (isGone) {
    return (
      <Blank
        icon={<FilmIcon />}
        title={text.watch.unknown}
        testId="unknown"
        action={<Button onClick={() => location.assign("/")}>{text.common.toLibrary}</Button>}
      >
        {text.watch.unknownMore}
      </Blank>
    );
  }
  if (query.data) return <Watch video={query.data} />;
  if (query.error) {
    return (
      <Blank
        title={text.common.failed}
        testId="error"
        action={
          <Button look="primary" onClick={() => void query.refetch()}>
            {text.common.retry}
          </Button>
        }
      >
        {query.error.message}
      </Blank>
    );
  }
  return <Loading />;
}

function Loading() {
  return (
    <div className={css.page} aria-busy="true">
      <span className="visually-hidden" role="status">
        {text.watch.loading}
      </span>
      <div className={css.main}>
        <div className={css.stage} />
        <Skeleton height="2rem" width="60%" />
        <Skeleton height="1.25rem" width="30%" />
      </div>
      <div className={css.side}>
        <Skeleton height="9rem" />
        <Skeleton height="12rem" />
        <Skeleton height="9rem" />
      </div>
    </div>
  );
}
