import type { System } from "../api/types";
import { text } from "../text/operator";
import { bytes, percent } from "../ui/format";
import { Panel } from "../ui/Panel";
import css from "./Backends.module.css";

type Device = System["gpu"]["devices"][number];

/** The GPUs that answer; nothing where there is none. */
export function Gpus({ system: { gpu } }: { system: System }) {
  if (gpu.devices.length === 0) return null;
  return (
    <Panel
      title={text.system.gpu}
      description={gpu.driver_version ? text.system.driver(gpu.driver_version) : undefined}
      testId="gpus"
    >
      <ul className={`${css.cards} ${css.wide}`}>
        {gpu.devices.map((device) => (
          <Gpu key={device.index} device={device} />
        ))}
      </ul>
      {gpu.reason && <p className={css.warning}>{gpu.reason}</p>}
    </Panel>
  );
}

function Gpu({ device }: { device: Device }) {
  const facts: [string, string][] = [];
  const share = (label: string, value: number | null | undefined) => {
    if (value != null) facts.push([label, percent(value / 100)]);
  };
  share(text.system.plots.encoder, device.encoder_percent);
  share(text.system.plots.decoder, device.decoder_percent);
  if (device.memory_total_bytes > 0) {
    const [used, total] = [bytes(device.memory_used_bytes), bytes(device.memory_total_bytes)];
    facts.push([text.system.memory, text.system.memoryOf(used, total)]);
  }
  if (device.temperature_celsius != null) {
    facts.push([text.system.temperature, `${device.temperature_celsius} °C`]);
  }
  if (device.encoder_sessions != null) {
    facts.push([text.system.sessions, String(device.encoder_sessions)]);
  }
  return (
    <li className={css.card}>
      <h3>{device.name}</h3>
      <dl className={css.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {device.throttle_reasons.length > 0 && (
        <p className={css.warning}>
          {text.system.throttled} {device.throttle_reasons.join(", ")}
        </p>
      )}
    </li>
  );
}
