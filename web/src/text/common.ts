import type { VideoState } from "../api/types";

const states: Record<VideoState, string> = {
  uploading: "Waiting for the upload",
  queued: "In the queue",
  waiting: "Waiting to be tried again",
  running: "Encoding",
  ready: "Ready",
  failed: "Failed",
  deleting: "Being deleted",
};

export const common = {
  product: "ladderd",
  library: "Library",
  system: "System",
  settings: "Settings",
  mainMenu: "Main",
  skip: "Skip to the content",
  account: "Account",
  theme: "Colours",
  themes: { system: "As the system", light: "Light", dark: "Dark" },
  close: "Close",
  cancel: "Cancel",
  retry: "Try again",
  undo: "Undo",
  save: "Save",
  delete: "Delete",
  copy: "Copy",
  copied: "Copied",
  more: "More",
  loading: "Loading",
  notifications: "Notifications",
  offline: "You are offline. What is shown may be old; uploads go on once you are back.",
  failed: "This could not be loaded",
  notFound: "There is no such page",
  toLibrary: "To the library",
  noAnswer: "The server cannot be reached.",
  answered: (status: number) => `The server answered ${status}.`,
  crashed: "The page has run into a fault of its own",
  reload: "Reload the page",
  // Servers of another release may name states that are not in the type.
  state: (state: string) => (states as Record<string, string>)[state] ?? state,
};
