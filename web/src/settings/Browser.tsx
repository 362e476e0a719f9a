import { LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";
import { SIGNED_OUT } from "../api/client";
import { signOut, signOutEverywhere, useSession } from "../session/session";
import { text } from "../text/operator";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { Panel } from "../ui/Panel";
import { applyTheme, readTheme, type Theme } from "../ui/theme";
import { tellError } from "../ui/toasts";
import css from "./Browser.module.css";

/** The session and the colours of this browser. */
export function Browser() {
  return (
    <>
      <SessionPanel />
      <ThemePanel />
    </>
  );
}

function SessionPanel() {
  const session = useSession();
  const [isAsking, setAsking] = useState(false);
  const leave = (how: () => Promise<unknown>) => async () => {
    try {
      await how();
      dispatchEvent(new Event(SIGNED_OUT));
    } catch (reason) {
      tellError(text.settings.signOutFailed, reason);
    }
  };
  const isSession = session.by === "session";
  return (
    <Panel
      title={text.settings.sessionTitle}
      description={text.settings.sessionBy[session.by]}
      testId="session"
      actions={
        isSession && (
          <>
            <Button icon={<LogOut />} onClick={leave(signOut)} data-testid="leave">
              {text.session.signOut}
            </Button>
            <Button onClick={() => setAsking(true)}>{text.session.signOutEverywhere}</Button>
          </>
        )
      }
    >
      <dl className={css.facts}>
        <div>
          <dt>{text.settings.signedInAs}</dt>
          <dd>{session.name}</dd>
        </div>
        <div>
          <dt>{text.settings.rights}</dt>
          <dd className={css.rights}>
            {session.scopes.map((scope) => (
              <Badge key={scope}>{scope}</Badge>
            ))}
          </dd>
        </div>
      </dl>
      {isSession && <p className={css.soft}>{text.settings.signOutEverywhereMore}</p>}
      <Confirm
        open={isAsking}
        onOpenChange={setAsking}
        title={text.settings.signOutEverywhereConfirm}
        description={text.settings.signOutEverywhereMore}
        confirm={text.session.signOutEverywhere}
        onConfirm={leave(signOutEverywhere)}
      />
    </Panel>
  );
}

const THEMES = [
  { theme: "system", icon: <Monitor /> },
  { theme: "light", icon: <Sun /> },
  { theme: "dark", icon: <Moon /> },
] as const;

function ThemePanel() {
  const [current, setCurrent] = useState<Theme>(readTheme);
  const choose = (theme: Theme) => {
    applyTheme(theme);
    setCurrent(theme);
  };
  return (
    <Panel title={text.settings.themeTitle} description={text.settings.themeMore}>
      <fieldset className={css.themes}>
        <legend className="visually-hidden">{text.settings.themeTitle}</legend>
        {THEMES.map(({ theme, icon }) => (
          <label key={theme} className={css.theme}>
            <input
              type="radio"
              name="theme"
              className="visually-hidden"
              checked={current === theme}
              onChange={() => choose(theme)}
            />
            {icon}
            {text.common.themes[theme]}
          </label>
        ))}
      </fieldset>
    </Panel>
  );
}
