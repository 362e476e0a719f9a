import { bytes, plural, span } from "../ui/format";

const files = (count: number) => plural(count, "file", "files");

export const upload = {
  upload: "Upload",
  more: "More ways to upload",
  chooseFiles: "Choose files",
  chooseFolder: "Choose a folder",
  input: "Files to upload",
  drop: "Drop videos or folders to upload",
  dropHint: "Each file becomes a video.",
  region: "Uploads",
  collapse: "Show less",
  expand: "Show the files",
  clear: "Clear the list",
  noFiles: "There are no videos in this folder",
  leftOut: (count: number) => `${files(count)} left out: not a video`,
  cannotRead: "The files could not be read",

  uploading: (count: number) => `Uploading ${files(count)}`,
  waitsForYou: (count: number) =>
    count === 1 ? "1 file needs you" : `${count.toLocaleString()} files need you`,
  allPaused: "Uploads are paused",
  allOffline: "Waiting for the connection",
  allElsewhere: "Another tab uploads",
  allDone: (count: number) => `${files(count)} uploaded`,
  someFailed: (failed: number, done: number) =>
    done > 0 ? `${files(done)} uploaded, ${failed} failed` : `${files(failed)} failed`,
  ofAll: (done: number, all: number) => `${done} of ${all} done`,
  speed: (bytesPerSec: number) => `${bytes(bytesPerSec)}/s`,
  left: (secs: number) => `${span(secs)} left`,
  sentOf: (sent: number, size: number) => `${bytes(sent)} of ${bytes(size)}`,
  progressOf: (name: string) => `Upload of ${name}`,
  progressOfAll: "Upload of all files",

  stages: {
    checking: "Checking",
    duplicate: "Already here",
    waiting: "In line",
    creating: "Starting",
    sending: "Uploading",
    completing: "Finishing",
    paused: "Paused",
    offline: "Waiting for the connection",
    "signed-out": "Waiting until you sign in",
    "needs-file": "Needs the file",
    elsewhere: "In another tab",
    done: "Uploaded",
    failed: "Failed",
    cancelled: "Cancelled",
  },
  elsewhere: (stage: string) => `${stage} in another tab`,

  pause: "Pause",
  resume: "Go on",
  cancel: "Cancel the upload",
  dismiss: "Remove from the list",
  retry: "Try again",
  tryNow: "Try now",
  pauseAll: "Pause all",
  resumeAll: "Go on with all",
  watch: "Watch",
  open: "Open",
  of: (action: string, name: string) => `${action}: ${name}`,

  twinHere: "This file is in the list already.",
  twinOnServer: (name: string) => `The same file is in your library as “${name}”.`,
  anyway: "Upload anyway",
  skip: "Skip",
  show: "Show it",
  duplicates: (count: number) => `${files(count)} are here already`,
  skipAll: "Skip all",
  uploadAll: "Upload all",

  chooseAgain: "Choose the file",
  allow: "Allow access",
  needsFile: (name: string, sent: number) =>
    sent > 0
      ? `Choose “${name}” again to go on. ${bytes(sent)} are safe on the server.`
      : `Choose “${name}” again to go on.`,
  needsAccess: (name: string) => `The browser asks before this page may read “${name}” again.`,
  otherSize: (name: string, size: number, wanted: number) =>
    `“${name}” is another file: it has ${bytes(size)} (${size.toLocaleString()} bytes), not ${bytes(wanted)} (${wanted.toLocaleString()} bytes).`,
  otherContent: (name: string) => `“${name}” is another file: its content differs.`,
  otherDate: (name: string) =>
    `“${name}” was changed since its upload began, so the parts on the server no longer fit. Cancel this upload to send the new version.`,
  gone: (name: string) => `“${name}” could not be opened. It may have been moved or deleted.`,
  changed: (name: string) => `“${name}” was changed or moved while it was sent. Choose it again.`,

  fileName: "The name of the file ",
  empty: "The file is empty.",
  tooLarge: (size: number, most: number) =>
    `The file has ${bytes(size)}; this server takes up to ${bytes(most)}.`,
  unreadable: "The file cannot be read. Folders and files that are open elsewhere cannot be sent.",
  noAnswer: "No answer. It goes on by itself.",
  storeRefused: (status: number) => `The store refused the upload (${status}).`,
  noEtag:
    "The store hides the header ETag from this page: its CORS rules must expose it. Ask who runs this server.",
  notFound: "The server no longer knows this upload.",

  heardDone: (name: string) => `${name} is uploaded.`,
  heardFailed: (name: string) => `The upload of ${name} has failed.`,
  heardNeeds: (name: string) => `The upload of ${name} needs its file.`,
  heardTwin: (name: string) => `${name} is here already.`,
};
