// Requests behind the settings.

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "../api/client";

export const webhookKeys = {
  all: ["webhooks"] as const,
  deliveries: (id: string) => ["deliveries", id] as const,
};
export const tokenKeys = ["tokens"] as const;

const PENDING_MS = 3_000;
const SETTLED_MS = 15_000;

export const settingsQuery = queryOptions({
  queryKey: ["settings"],
  queryFn: () => body(api.GET("/v1/system/settings")),
});

export const webhooksQuery = queryOptions({
  queryKey: webhookKeys.all,
  queryFn: async ({ signal }) => (await body(api.GET("/v1/webhooks", { signal }))).webhooks,
  refetchInterval: SETTLED_MS,
  staleTime: 0,
});

export const deliveriesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: webhookKeys.deliveries(id),
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) };
      return body(
        api.GET("/v1/webhooks/{id}/deliveries", { params: { path: { id }, query }, signal }),
      );
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ deliveries }) => deliveries.some(isPending))
        ? PENDING_MS
        : SETTLED_MS,
    staleTime: 0,
    // Those of another webhook are not a stand-in.
    placeholderData: () => undefined,
  });

const isPending = ({ status }: { status: string }) => status === "pending";

export const tokensQuery = queryOptions({
  queryKey: tokenKeys,
  queryFn: async ({ signal }) => (await body(api.GET("/v1/tokens", { signal }))).tokens,
  staleTime: 0,
});
