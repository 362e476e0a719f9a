// Retry and delete of dead letters: each is taken out of the list at once, and comes back if it fails.

import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { keys } from "../api/queries";
import { text } from "../text/operator";
import { tell, tellError } from "../ui/toasts";
import { type Lists, without } from "./lists";
import { deadLetterKeys } from "./queries";

async function take(client: QueryClient, id: string): Promise<{ before: Lists | undefined }> {
  await client.cancelQueries({ queryKey: deadLetterKeys });
  const before = client.getQueryData<Lists>(deadLetterKeys);
  if (before) client.setQueryData<Lists>(deadLetterKeys, without(before, id));
  return { before };
}

function useRemoval(
  request: (id: string) => Promise<unknown>,
  words: { done: string; failed: string },
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: request,
    onMutate: (id: string) => take(client, id),
    onSuccess: () => tell(words.done),
    onError: (reason, _id, context) => {
      if (context?.before) client.setQueryData<Lists>(deadLetterKeys, context.before);
      tellError(words.failed, reason);
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: deadLetterKeys });
      void client.invalidateQueries({ queryKey: keys.system });
    },
  });
}

const params = (id: string) => ({ params: { path: { id } } });

export const useRetry = () =>
  useRemoval((id) => api.POST("/v1/dead-letters/{id}/retry", params(id)), {
    done: text.system.deadRetried,
    failed: text.system.deadRetryFailed,
  });

export const useDelete = () =>
  useRemoval((id) => api.DELETE("/v1/dead-letters/{id}", params(id)), {
    done: text.system.deadDeleted,
    failed: text.system.deadDeleteFailed,
  });
