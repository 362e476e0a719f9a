// Loads the player piece by piece: Video.js, its engine, and what makes a player of both. All come at the same time,
// and each is executed in a task of its own, so that the page answers meanwhile.

import { nextTask } from "../../ui/tasks";

export async function loadPlayer() {
  const core = import("./videojs");
  const engine = import("@videojs/http-streaming");
  await core;
  await nextTask();
  await engine;
  await nextTask();
  return import("./Player");
}
