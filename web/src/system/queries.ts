// Requests behind the views of the system.

import { infiniteQueryOptions, queryOptions, useQuery } from "@tanstack/react-query";
import { ApiError, api, body } from "../api/client";
import { systemQuery } from "../api/queries";
import type { Readiness } from "../api/types";

export const deadLetterKeys = ["dead-letters"] as const;

/** The system as this server describes it, read every five seconds. */
export const useSystem = () => useQuery(systemQuery);

// 503 is an answer here, not a failure: it says what does not work.
async function readiness(): Promise<Readiness> {
  const response = await fetch("/readyz").catch(() => null);
  if (!response) throw new ApiError(0, "", "");
  return (await response.json()) as Readiness;
}

export const readinessQuery = queryOptions({
  queryKey: ["readiness"],
  queryFn: readiness,
  refetchInterval: 10_000,
});

export const historyQuery = queryOptions({
  queryKey: ["system-history"],
  queryFn: () => body(api.GET("/v1/system/history")),
  refetchInterval: ({ state }) => (state.error ? false : 10_000),
  staleTime: 5_000,
});

export const failuresQuery = queryOptions({
  queryKey: ["failures"],
  queryFn: () => body(api.GET("/v1/failures")),
  staleTime: 5_000,
});

export const doctorQuery = queryOptions({
  queryKey: ["doctor"],
  queryFn: () => body(api.GET("/v1/doctor")),
  refetchInterval: ({ state }) => (state.data?.running ? 1_000 : false),
  staleTime: 0,
});

export const qoeQuery = queryOptions({
  queryKey: ["qoe"],
  queryFn: () => body(api.GET("/v1/qoe")),
  refetchInterval: ({ state }) => (state.error ? false : 30_000),
});

export const deadLettersQuery = infiniteQueryOptions({
  queryKey: deadLetterKeys,
  queryFn: ({ pageParam }) =>
    body(
      api.GET("/v1/dead-letters", {
        params: { query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) } },
      }),
    ),
  initialPageParam: "",
  getNextPageParam: (last) => last.next_cursor ?? undefined,
  staleTime: 0,
});
