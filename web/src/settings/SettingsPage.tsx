import { KeyRound, MonitorCog, SlidersHorizontal, Webhook } from "lucide-react";
import type { ReactNode } from "react";
import { Redirect, Route, Switch } from "wouter";
import type { Scope } from "../api/types";
import { useMay } from "../session/session";
import { text } from "../text/operator";
import { Notice } from "../ui/Notice";
import { Sections } from "../ui/Sections";
import { usePageTitle } from "../ui/usePageTitle";
import { Browser } from "./Browser";
import { Effective } from "./Effective";
import css from "./SettingsPage.module.css";
import { Tokens } from "./Tokens";
import { WebhookPage } from "./WebhookPage";
import { Webhooks } from "./Webhooks";

/** Settings of the server, webhooks, tokens and this browser. */
export default function SettingsPage() {
  usePageTitle(text.settings.title);
  return (
    <div className={css.page}>
      <h1>{text.settings.title}</h1>
      <Sections
        label={text.settings.sections}
        sections={[
          { to: "/settings", label: text.settings.effective, icon: <SlidersHorizontal /> },
          { to: "/settings/webhooks", label: text.settings.webhooks, icon: <Webhook /> },
          { to: "/settings/tokens", label: text.settings.tokens, icon: <KeyRound /> },
          { to: "/settings/browser", label: text.settings.browser, icon: <MonitorCog /> },
        ]}
      />
      <Switch>
        <Route path="/settings">
          <For scope="admin">
            <Effective />
          </For>
        </Route>
        <Route path="/settings/webhooks">
          <For scope="manage">
            <Webhooks />
          </For>
        </Route>
        <Route path="/settings/webhooks/:id">
          {({ id }) => (
            <For scope="manage">
              <WebhookPage key={id} id={id} />
            </For>
          )}
        </Route>
        <Route path="/settings/tokens">
          <For scope="admin">
            <Tokens />
          </For>
        </Route>
        <Route path="/settings/browser" component={Browser} />
        <Route>
          <Redirect to="/settings" replace />
        </Route>
      </Switch>
    </div>
  );
}

function For({ scope, children }: { scope: Scope; children: ReactNode }) {
  const may = useMay(scope);
  return may ? children : <Notice tone="info">{text.settings.needs(scope)}</Notice>;
}
