import type { Rendition, Video } from "../../api/types";
import { text } from "../../text/viewer";
import { bitrate } from "../../ui/format";
import { rungsOf } from "../video";
import css from "./panel.module.css";
import { Section } from "./Section";

/** The renditions with their measured rates. */
export function Renditions({ video }: { video: Video }) {
  const others = video.renditions.filter(({ height }) => !height);
  const all = [...rungsOf(video), ...others];
  return (
    <Section title={text.watch.renditions} testId="renditions">
      {all.length === 0 ? (
        <p className={css.soft}>{text.watch.renditionsNone}</p>
      ) : (
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">{text.watch.rendition}</th>
              <th scope="col">{text.watch.averageRate}</th>
              <th scope="col">{text.watch.peakRate}</th>
            </tr>
          </thead>
          <tbody>
            {all.map((rendition) => (
              <Row key={rendition.name} rendition={rendition} />
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

const rate = (bps: number | null | undefined) => (bps ? bitrate(bps) : "–");

function Row({ rendition }: { rendition: Rendition }) {
  const { name, label, width, height, average_bps, peak_bps } = rendition;
  return (
    <tr>
      <th scope="row">
        {label ?? name}
        {height && (
          <span className={css.measure}>
            {width}×{height}
          </span>
        )}
      </th>
      <td>{rate(average_bps)}</td>
      <td>{rate(peak_bps)}</td>
    </tr>
  );
}
