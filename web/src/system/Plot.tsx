import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { text } from "../text/operator";
import css from "./Plot.module.css";
import { inWords, latest, type PlotData, peak, type Series } from "./series";
import { type Cursor, draw } from "./uplot";
import { useScheme } from "./useScheme";

const MOMENT = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
// The tooltip changes sides where it would leave the plot.
const TOOLTIP_PX = 150;

/** Series over the last hour. The words above say the latest and the highest value of each. */
export default function Plot({ data }: { data: PlotData }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<ReturnType<typeof draw> | null>(null);
  const newest = useRef(data);
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const scheme = useScheme();

  // Another scheme draws anew: its colours are set once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme is in the computed colours.
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const drawn = draw(element, newest.current, element.clientWidth, setCursor);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.resize(element.clientWidth));
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [scheme]);

  useEffect(() => {
    newest.current = data;
    plot.current?.update(data);
  }, [data]);

  return (
    <figure className={css.plot} data-testid={`plot-${data.id}`}>
      <figcaption className={css.caption}>
        <h3>{data.title}</h3>
        <ul className={css.legend} aria-hidden="true">
          {data.series.map((series, at) => (
            <Legend key={series.label} data={data} series={series} at={at} />
          ))}
        </ul>
        <p className="visually-hidden">{inWords(data)}</p>
      </figcaption>
      <div className={css.canvas} ref={place} aria-hidden="true" />
      {cursor && <Tooltip data={data} cursor={cursor} width={place.current?.clientWidth ?? 0} />}
    </figure>
  );
}

function Legend({ data, series, at }: { data: PlotData; series: Series; at: number }) {
  const now = latest(series.values);
  const highest = peak(series.values);
  return (
    <li>
      <Line at={at} />
      <span className={css.name}>{series.label}</span>
      <b>{now === null ? text.system.noValue : data.format(now)}</b>
      {highest !== null && (
        <span className={css.name}>
          {text.system.peak} {data.format(highest)}
        </span>
      )}
    </li>
  );
}

function Line({ at }: { at: number }) {
  return <span className={`${css.line} ${css[`line${at % 3}`]}`} />;
}

function Tooltip({ data, cursor, width }: { data: PlotData; cursor: Cursor; width: number }) {
  const secs = data.times[cursor.index];
  if (secs === undefined) return null;
  const isLeft = cursor.left + TOOLTIP_PX > width;
  return (
    <div
      className={`${css.tooltip} ${isLeft ? css.before : ""}`}
      style={{ left: cursor.left }}
      aria-hidden="true"
    >
      <p className={css.name}>{MOMENT.format(secs * 1_000)}</p>
      {data.series.map(({ label, values }, at) => {
        const value = values[cursor.index] ?? null;
        return (
          <p key={label} className={css.row}>
            <Line at={at} />
            <span>{label}</span>
            <b>{value === null ? text.system.noValue : data.format(value)}</b>
          </p>
        );
      })}
    </div>
  );
}
