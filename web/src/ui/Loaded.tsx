import type { UseQueryResult } from "@tanstack/react-query";
import { CloudOff, PackageX, ServerCrash } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { text } from "../text";
import { Button } from "./Button";
import css from "./Loaded.module.css";
import { Blank, Notice, Skeleton } from "./Notice";

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  /** Height of the place that is held while it loads. */
  height?: string;
  /** A sentence for a part that is off, for which the server answers 404. */
  missing?: string;
  children: (data: T) => ReactNode;
}

/** The data of a query, or what stands in for it: a skeleton, or why there is none and a way on. */
export function Loaded<T>({ query, height = "12rem", missing, children }: LoadedProps<T>) {
  const { data, error, isPending, isFetching, fetchStatus, refetch } = query;
  const again = (
    <Button onClick={() => void refetch()} disabled={isFetching}>
      {text.common.retry}
    </Button>
  );
  if (data !== undefined) {
    return (
      <>
        {error && !(error instanceof ApiError && error.status === 404) && (
          <div className={css.stale}>
            <Notice tone="warn" action={again}>
              {text.common.stale} {error.message}
            </Notice>
          </div>
        )}
        {children(data)}
      </>
    );
  }
  if (error instanceof ApiError && error.status === 404 && missing) {
    return (
      <Blank icon={<PackageX />} title={text.common.notHere}>
        {missing}
      </Blank>
    );
  }
  if (error) {
    return (
      <Blank icon={<ServerCrash />} title={text.common.failed} action={again}>
        <p role="alert">{error.message}</p>
      </Blank>
    );
  }
  if (isPending && fetchStatus === "paused") {
    return <Blank icon={<CloudOff />} title={text.common.isOffline} />;
  }
  return (
    <div className={css.hold} role="status" aria-label={text.common.loading}>
      <Skeleton height={height} />
    </div>
  );
}
