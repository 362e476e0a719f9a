import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useSearchParams } from "wouter";
import { cacheWriter } from "../api/cache";
import { followEvents } from "../api/live";
import { useSession } from "../session/session";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Blank, Notice, Skeleton } from "../ui/Notice";
import { UploadDock } from "../upload/UploadDock";
import { UploadDrop } from "../upload/UploadDrop";
import { UploadProvider } from "../upload/UploadProvider";
import { Guard } from "./Guard";
import { Header } from "./Header";
import css from "./Shell.module.css";
import { useOnline } from "./useOnline";

const loadLibrary = () => import("../library/LibraryPage");
const LibraryPage = lazy(loadLibrary);
const loadWatch = () => import("../watch/WatchPage");
const WatchPage = lazy(loadWatch);
const SystemPage = lazy(() => import("../system/SystemPage"));
const SettingsPage = lazy(() => import("../settings/SettingsPage"));

// Most visits begin at these: it is not waited for the session.
if (location.pathname === "/") void loadLibrary();
else if (location.pathname.startsWith("/watch/")) void loadWatch();

/** The page of somebody who has signed in. */
export function Shell() {
  const client = useQueryClient();
  const session = useSession();
  const isOnline = useOnline();
  useEffect(() => followEvents(cacheWriter(client)), [client]);

  return (
    <UploadProvider>
      <a className={css.skip} href="#content">
        {text.common.skip}
      </a>
      <Header />
      {session.insecure && (
        <Notice tone="warn" testId="insecure">
          {text.session.insecure}
        </Notice>
      )}
      {!isOnline && (
        <Notice tone="warn" testId="offline">
          {text.common.offline}
        </Notice>
      )}
      <main className={css.main} id="content" tabIndex={-1}>
        <Guard>
          <Suspense fallback={<Skeleton height="24rem" />}>
            <Routes />
          </Suspense>
        </Guard>
      </main>
      <UploadDrop />
      <UploadDock />
    </UploadProvider>
  );
}

function Routes() {
  const [search] = useSearchParams();
  // Links of earlier versions.
  const video = search.get("video");
  if (video) return <Redirect to={`/watch/${encodeURIComponent(video)}`} replace />;
  return (
    <Switch>
      <Route path="/">
        <LibraryPage />
      </Route>
      <Route path="/watch/:id">{({ id }) => <WatchPage key={id} id={id} />}</Route>
      <Route path="/system/*?">
        <SystemPage />
      </Route>
      <Route path="/settings/*?">
        <SettingsPage />
      </Route>
      <Route>
        <Blank
          title={text.common.notFound}
          action={
            <Button look="primary" onClick={() => location.assign("/")}>
              {text.common.toLibrary}
            </Button>
          }
        />
      </Route>
    </Switch>
  );
}
