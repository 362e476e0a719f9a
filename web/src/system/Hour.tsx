import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { text } from "../text/operator";
import { Loaded } from "../ui/Loaded";
import { Skeleton } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import css from "./Hour.module.css";
import { historyQuery } from "./queries";
import { plotsOf } from "./series";

// uPlot comes with the first plot.
const Plot = lazy(() => import("./Plot"));

/** CPU, memory, queue, network and GPUs over the last hour. */
export function Hour() {
  const query = useQuery(historyQuery);
  return (
    <Panel title={text.system.hour} description={text.system.hourMore} isFlush testId="hour">
      <Loaded query={query} height="28rem">
        {(history) =>
          history.times.length < 2 ? (
            <p className={css.none}>{text.system.hourNone}</p>
          ) : (
            <div className={css.plots}>
              {plotsOf(history).map((plot) => (
                <Suspense key={plot.id} fallback={<Holder />}>
                  <Plot data={plot} />
                </Suspense>
              ))}
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Holder() {
  return (
    <div className={css.holder}>
      <Skeleton height="12.5rem" />
    </div>
  );
}
