import { useInfiniteQuery } from "@tanstack/react-query";
import { Inbox, RefreshCw } from "lucide-react";
import { useMay } from "../session/session";
import { text } from "../text/operator";
import { Button, IconButton } from "../ui/Button";
import { Loaded } from "../ui/Loaded";
import { Blank, Notice } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { DeadLetterItem } from "./DeadLetterItem";
import { queueStats } from "./Facts";
import { Jobs } from "./Jobs";
import css from "./Queue.module.css";
import { deadLettersQuery, useSystem } from "./queries";
import { Stats } from "./Stats";

/** The queue, the jobs that run and the messages that it gave up on. */
export function Queue() {
  const query = useSystem();
  return (
    <>
      <Loaded query={query} height="12rem">
        {(system) => (
          <>
            <Stats stats={queueStats(system, false)} />
            <Jobs system={system} />
          </>
        )}
      </Loaded>
      <DeadLetters />
    </>
  );
}

function DeadLetters() {
  const mayManage = useMay("manage");
  const query = useInfiniteQuery({ ...deadLettersQuery, enabled: mayManage });
  const { hasNextPage, fetchNextPage, isFetchingNextPage, isFetching, refetch } = query;
  return (
    <Panel
      title={text.system.deadTitle}
      description={text.system.deadDescription}
      isFlush
      testId="dead-letters"
      actions={
        mayManage && (
          <IconButton
            label={text.system.refresh}
            icon={<RefreshCw />}
            onClick={() => void refetch()}
            disabled={isFetching}
          />
        )
      }
    >
      {mayManage ? (
        <Loaded query={query}>
          {({ pages }) => {
            const letters = pages.flatMap((page) => page.dead_letters);
            if (letters.length === 0 && !hasNextPage) {
              return (
                <Blank icon={<Inbox />} title={text.system.deadEmpty} testId="no-dead-letters">
                  {text.system.deadEmptyMore}
                </Blank>
              );
            }
            return (
              <>
                <ul className={css.letters}>
                  {letters.map((letter) => (
                    <DeadLetterItem key={letter.id} letter={letter} />
                  ))}
                </ul>
                {hasNextPage && (
                  <div className={css.more}>
                    <Button onClick={() => void fetchNextPage()} disabled={isFetchingNextPage}>
                      {text.system.showMore}
                    </Button>
                  </div>
                )}
              </>
            );
          }}
        </Loaded>
      ) : (
        <Notice tone="info">{text.system.deadForbidden}</Notice>
      )}
    </Panel>
  );
}
