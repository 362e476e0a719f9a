// Changes of webhooks.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body } from "../api/client";
import { text } from "../text/operator";
import { tell, tellError } from "../ui/toasts";
import { webhookKeys } from "./queries";
import type { Delivery, Webhook, WebhookChange, WebhookRequest } from "./types";

const at = (id: string) => ({ params: { path: { id } } });

function useRefresh() {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: webhookKeys.all });
    void client.invalidateQueries({ queryKey: ["deliveries"] });
  };
}

export const useCreate = () =>
  useMutation({
    mutationFn: (request: WebhookRequest) => body(api.POST("/v1/webhooks", { body: request })),
    onSettled: useRefresh(),
  });

/** Changes a webhook: shown at once, and taken back if it fails. */
export function useChange(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: WebhookChange) =>
      body(api.PATCH("/v1/webhooks/{id}", { ...at(id), body: change })),
    onMutate: async (change) => {
      await client.cancelQueries({ queryKey: webhookKeys.all });
      const before = client.getQueryData<Webhook[]>(webhookKeys.all);
      const given = Object.entries(change).filter(([, value]) => value != null);
      client.setQueryData<Webhook[]>(webhookKeys.all, (webhooks) =>
        webhooks?.map((one) => (one.id === id ? { ...one, ...Object.fromEntries(given) } : one)),
      );
      return { before };
    },
    onError: (reason, _change, context) => {
      client.setQueryData(webhookKeys.all, context?.before);
      tellError(text.settings.webhookFailed, reason);
    },
    onSettled: useRefresh(),
  });
}

export const useRotate = (id: string) =>
  useMutation({
    mutationFn: () => body(api.POST("/v1/webhooks/{id}/rotate", at(id))),
    onError: (reason) => tellError(text.settings.webhookFailed, reason),
    onSettled: useRefresh(),
  });

export function useRemove(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.DELETE("/v1/webhooks/{id}", at(id)),
    onSuccess: () => {
      client.setQueryData<Webhook[]>(webhookKeys.all, (webhooks) =>
        webhooks?.filter((one) => one.id !== id),
      );
      tell(text.settings.webhookDeleted);
    },
    onError: (reason) => tellError(text.settings.webhookFailed, reason),
    onSettled: useRefresh(),
  });
}

/** Sends a test event and tells how the receiver answered. */
export const useTest = (id: string) =>
  useMutation({
    mutationFn: () => body(api.POST("/v1/webhooks/{id}/test", at(id))),
    onSuccess: tellTest,
    onError: (reason) => tellError(text.settings.testFailed, reason),
    onSettled: useRefresh(),
  });

function tellTest({ attempts, status }: Delivery): void {
  const last = attempts.at(-1);
  if (status === "delivered" && last?.status_code != null) {
    tell(text.settings.testSent(last.status_code, last.duration_ms));
    return;
  }
  const answer = last?.status_code == null ? "" : text.common.answered(last.status_code);
  tellError(text.settings.testFailed, last?.error ?? answer);
}

const replayed = {
  onSuccess: () => tell(text.settings.replayed),
  onError: (reason: Error) => tellError(text.settings.replayFailed, reason),
};

export const useReplay = (id: string) =>
  useMutation({
    mutationFn: (delivery: string) =>
      api.POST("/v1/webhooks/{id}/deliveries/{delivery}/replay", {
        params: { path: { id, delivery } },
      }),
    ...replayed,
    onSettled: useRefresh(),
  });

export const useReplaySince = (id: string) =>
  useMutation({
    mutationFn: (since: string) =>
      api.POST("/v1/webhooks/{id}/replay", { ...at(id), body: { since } }),
    ...replayed,
    onSettled: useRefresh(),
  });
