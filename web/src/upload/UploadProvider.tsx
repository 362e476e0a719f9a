import { createContext, type ReactNode, useContext, useEffect, useSyncExternalStore } from "react";
import { useMay, useSession } from "../session/session";
import { text } from "../text";
import { tell, tellError } from "../ui/toasts";
import { pickFiles, pickFolder, type Taken, takeInput } from "./intake";
import { showInTitle } from "./titleProgress";
import { Uploads as Queue } from "./uploads";
import { isBusy, isLostWithPage, totals } from "./view";

let queue: Queue | null = null;

/** The queue of this page. It outlives the views: a session that ends does not end it. */
export function uploadQueue(): Queue {
  if (!queue) {
    queue = new Queue();
    watchQueue(queue);
  }
  return queue;
}

/** The inputs of the page, for browsers without pickers of their own. */
export const inputs: { files: HTMLInputElement | null; folder: HTMLInputElement | null } = {
  files: null,
  folder: null,
};

/** For other features: adds files to the queue, opens the chooser. */
export interface Uploads {
  add: (files: Iterable<File>) => void;
  choose: () => void;
  chooseFolder: () => void;
}

/** Puts what was chosen or dropped into the queue, and tells what was left out. */
export function addTaken({ files, leftOut }: Taken): void {
  uploadQueue().add(files);
  if (leftOut === 0) return;
  tell(files.length === 0 ? text.upload.noFiles : text.upload.leftOut(leftOut));
}

export const addLater = (taken: Promise<Taken>) =>
  void taken.then(addTaken, (reason) => tellError(text.upload.cannotRead, reason));

const pick = (picked: Promise<Taken | null>, input: HTMLInputElement | null) =>
  void picked.then(
    (taken) => (taken ? addTaken(taken) : input?.click()),
    (reason) => tellError(text.upload.cannotRead, reason),
  );

const uploads: Uploads = {
  add: (files) => addTaken(takeInput(files)),
  choose: () => pick(pickFiles(true), inputs.files),
  chooseFolder: () => pick(pickFolder(), inputs.folder),
};

const UploadContext = createContext(uploads);

export const useUploads = () => useContext(UploadContext);

/** The queue, anew with each change. */
export function useQueue(): Queue {
  const queue = uploadQueue();
  useSyncExternalStore(queue.subscribe, queue.version);
  return queue;
}

export function UploadProvider({ children }: { children: ReactNode }) {
  const session = useSession();
  const mayUpload = useMay("upload");
  const owner = session.by === "session" ? session.name : "";
  useEffect(() => {
    if (mayUpload) void uploadQueue().start(owner);
  }, [owner, mayUpload]);
  return <UploadContext value={uploads}>{children}</UploadContext>;
}

/** Keeps the title and the question before leaving up to date. */
function watchQueue(queue: Queue): void {
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  let asks = false;
  const update = () => {
    const { items } = queue.queue;
    const all = totals(items, (item) => queue.sentBytes(item), queue.batchAt);
    showInTitle(isBusy(all) ? all.share : null);
    const wouldLose = items.some(isLostWithPage);
    if (wouldLose === asks) return;
    asks = wouldLose;
    // Only while it is needed: a page that listens is not kept for "back".
    if (asks) addEventListener("beforeunload", ask);
    else removeEventListener("beforeunload", ask);
  };
  queue.subscribe(update);
}
