import { Activity, ListOrdered, MonitorPlay, Stethoscope, TriangleAlert } from "lucide-react";
import { Redirect, Route, Switch } from "wouter";
import { useMay } from "../session/session";
import { text } from "../text/operator";
import { Notice } from "../ui/Notice";
import { Sections } from "../ui/Sections";
import { usePageTitle } from "../ui/usePageTitle";
import { Doctor } from "./Doctor";
import { Failures } from "./Failures";
import { Overview } from "./Overview";
import { Playback } from "./Playback";
import { Queue } from "./Queue";
import { useSystem } from "./queries";
import css from "./SystemPage.module.css";

/** How the appliance is doing. */
export default function SystemPage() {
  const mayRead = useMay("read");
  usePageTitle(text.system.title);
  return (
    <div className={css.page}>
      {mayRead ? (
        <Parts />
      ) : (
        <>
          <h1>{text.system.title}</h1>
          <Notice tone="info">{text.system.forbidden}</Notice>
        </>
      )}
    </div>
  );
}

function Parts() {
  const { data: system } = useSystem();
  const mayExamine = useMay("admin");
  const name = system?.host ?? system?.box_id;
  return (
    <>
      <div className={css.title}>
        <h1>{text.system.title}</h1>
        {name && <p className={css.box}>{text.system.box(name)}</p>}
      </div>
      <Sections
        label={text.system.sections}
        sections={[
          { to: "/system", label: text.system.overview, icon: <Activity /> },
          {
            to: "/system/queue",
            label: text.system.queue,
            icon: <ListOrdered />,
            count: system?.queue.dead ?? 0,
          },
          { to: "/system/failures", label: text.system.failures, icon: <TriangleAlert /> },
          { to: "/system/playback", label: text.system.playback, icon: <MonitorPlay /> },
          ...(mayExamine
            ? [{ to: "/system/doctor", label: text.system.doctor, icon: <Stethoscope /> }]
            : []),
        ]}
      />
      <Switch>
        <Route path="/system" component={Overview} />
        <Route path="/system/queue" component={Queue} />
        <Route path="/system/failures" component={Failures} />
        <Route path="/system/playback" component={Playback} />
        <Route path="/system/doctor" component={Doctor} />
        <Route>
          <Redirect to="/system" replace />
        </Route>
      </Switch>
    </>
  );
}
