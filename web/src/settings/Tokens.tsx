import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { api, body } from "../api/client";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { day, moment } from "../ui/format";
import { Loaded } from "../ui/Loaded";
import { Blank } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { tell, tellError } from "../ui/toasts";
import { Words } from "../ui/Words";
import { NewToken } from "./NewToken";
import { tokenKeys, tokensQuery } from "./queries";
import css from "./Tokens.module.css";
import type { Token } from "./types";

/** All tokens: those that are valid, then those that have ended. */
export function Tokens() {
  const query = useQuery(tokensQuery);
  const [isNew, setNew] = useState(false);
  return (
    <Panel
      title={text.settings.tokensTitle}
      description={text.settings.tokensMore}
      isFlush
      testId="tokens"
      actions={
        <Button look="primary" icon={<Plus />} onClick={() => setNew(true)} data-testid="new-token">
          {text.settings.newToken}
        </Button>
      }
    >
      <Loaded query={query}>{(tokens) => <Lists tokens={tokens} />}</Loaded>
      <NewToken open={isNew} onClose={() => setNew(false)} />
    </Panel>
  );
}

const isOver = ({ revoked_at: revoked, expires_at: expires }: Token) =>
  revoked != null || (expires != null && Date.parse(expires) <= Date.now());

function Lists({ tokens }: { tokens: Token[] }) {
  const valid = tokens.filter((token) => !isOver(token));
  const ended = tokens.filter(isOver);
  return (
    <>
      {valid.length === 0 ? (
        <Blank icon={<KeyRound />} title={text.settings.noTokens}>
          <Words text={text.settings.noTokensMore} />
        </Blank>
      ) : (
        <ul className={css.list}>
          {valid.map((token) => (
            <Valid key={token.id} token={token} />
          ))}
        </ul>
      )}
      {ended.length > 0 && (
        <details className={css.ended}>
          <summary>{text.settings.ended(ended.length)}</summary>
          <ul className={css.list}>
            {ended.map((token) => (
              <Ended key={token.id} token={token} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Name({ token }: { token: Token }) {
  return (
    <div className={css.name}>
      <b>{token.name}</b>
      <ul className={css.scopes} aria-label={text.settings.scopes}>
        {token.scopes.map((scope) => (
          <li key={scope}>
            <Badge tone={scope === "admin" ? "warn" : "neutral"}>{scope}</Badge>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Valid({ token }: { token: Token }) {
  const [isAsking, setAsking] = useState(false);
  const revoke = useRevoke(token);
  const { last_used_at: used, expires_at: expires, created_at: created } = token;
  const facts: [string, string][] = [
    [text.settings.lastUsed, used ? moment(used) : text.settings.neverUsed],
    [text.settings.expires, expires ? day(expires) : text.settings.never],
    [text.settings.madeAt, day(created)],
  ];
  return (
    <li className={css.token} data-testid="token-row" data-name={token.name}>
      <Name token={token} />
      <dl className={css.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Button
        onClick={() => setAsking(true)}
        disabled={revoke.isPending}
        aria-label={text.settings.revokeName(token.name)}
      >
        {text.settings.revoke}
      </Button>
      <Confirm
        open={isAsking}
        onOpenChange={setAsking}
        title={text.settings.revokeConfirm(token.name)}
        description={text.settings.revokeConfirmMore}
        confirm={text.settings.revoke}
        onConfirm={() => revoke.mutate()}
      />
    </li>
  );
}

function Ended({ token }: { token: Token }) {
  const { revoked_at: revoked, expires_at: expires } = token;
  return (
    <li className={css.token} data-testid="ended-token">
      <Name token={token} />
      <span className={css.soft}>
        {revoked
          ? text.settings.revokedAt(moment(revoked))
          : text.settings.expiredAt(moment(expires ?? token.created_at))}
      </span>
    </li>
  );
}

function useRevoke({ id, name }: Token) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => body(api.DELETE("/v1/tokens/{id}", { params: { path: { id } } })),
    onSuccess: (ended) => {
      client.setQueryData<Token[]>(tokenKeys, (tokens) =>
        tokens?.map((token) => (token.id === id ? ended : token)),
      );
      tell(text.settings.revoked(name));
    },
    onError: (reason) => tellError(text.settings.revokeFailed, reason),
    onSettled: () => client.invalidateQueries({ queryKey: tokenKeys }),
  });
}
