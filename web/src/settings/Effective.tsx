import { useQuery } from "@tanstack/react-query";
import { EyeOff, SearchX } from "lucide-react";
import { useState } from "react";
import type { Setting } from "../api/types";
import { text } from "../text/operator";
import { Badge, type Tone } from "../ui/Badge";
import { Field } from "../ui/Field";
import { Loaded } from "../ui/Loaded";
import { Blank } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { Words } from "../ui/Words";
import css from "./Effective.module.css";
import { settingsQuery } from "./queries";
import { bySection, find, shown } from "./search";
import { Toggle } from "./Toggle";

/** All settings with their values and where each comes from. */
export function Effective() {
  const query = useQuery(settingsQuery);
  return (
    <Panel
      title={text.settings.effectiveTitle}
      description={text.settings.effectiveMore}
      isFlush
      testId="settings"
    >
      <Loaded query={query} height="32rem">
        {({ settings }) => <Searchable settings={settings} />}
      </Loaded>
    </Panel>
  );
}

function Searchable({ settings }: { settings: Setting[] }) {
  const [words, setWords] = useState("");
  const [isChangedOnly, setChangedOnly] = useState(false);
  const found = find(settings, { words, isChangedOnly });
  return (
    <>
      <search className={css.bar}>
        <Field
          className={css.search ?? ""}
          label={text.settings.search}
          type="search"
          placeholder={text.settings.searchHint}
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        <Toggle
          label={text.settings.onlyChanged}
          checked={isChangedOnly}
          onChange={setChangedOnly}
        />
        <p className={css.count} role="status">
          {text.settings.found(found.length, settings.length)}
        </p>
      </search>
      {found.length === 0 ? (
        <Blank icon={<SearchX />} title={text.settings.noneFound}>
          {text.settings.noneFoundMore}
        </Blank>
      ) : (
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">{text.settings.key}</th>
              <th scope="col">{text.settings.value}</th>
              <th scope="col">{text.settings.origin}</th>
            </tr>
          </thead>
          {bySection(found).map(([section, own]) => (
            <tbody key={section}>
              <tr className={css.section}>
                <th scope="colgroup" colSpan={3}>
                  {section || text.settings.topLevel}
                </th>
              </tr>
              {own.map((setting) => (
                <Row key={setting.key} setting={setting} />
              ))}
            </tbody>
          ))}
        </table>
      )}
    </>
  );
}

const TONES: Record<string, Tone> = {
  file: "accent",
  environment: "good",
  "command-line": "warn",
};

function Row({ setting }: { setting: Setting }) {
  const { key, value, origin, source, doc } = setting;
  const isDefault = origin === "default";
  return (
    <tr data-testid="setting" data-key={key}>
      <th scope="row" className={css.key}>
        <code>{key}</code>
        <p className={css.doc}>
          <Words text={doc} />
        </p>
      </th>
      <td>
        {setting.is_secret ? (
          <span className={css.secret} title={text.settings.secretMore}>
            <EyeOff aria-hidden="true" />
            {text.settings.secret}
          </span>
        ) : (
          <Value value={value} />
        )}
        {!isDefault && !setting.is_secret && (
          <p className={css.doc}>{text.settings.default(shown(setting.default))}</p>
        )}
      </td>
      <td>
        <Badge tone={TONES[origin] ?? "neutral"}>{text.settings.originOf(origin)}</Badge>
        {source && <p className={css.source}>{source}</p>}
      </td>
    </tr>
  );
}

function Value({ value }: { value: unknown }) {
  const words = shown(value);
  return words === text.settings.empty ? (
    <span className={css.empty}>{words}</span>
  ) : (
    <code className={css.value}>{words}</code>
  );
}
