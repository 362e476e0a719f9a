// Actions that the parts of the library ask for.

import { createContext, useContext } from "react";
import type { Video } from "../api/types";

export interface LibraryActions {
  mayManage: boolean;
  select: (video: Video, isRange: boolean) => void;
  remove: (videos: Video[]) => void;
  /** Deletes what is selected, or this video if nothing is. */
  removeByKey: (video: Video) => void;
  restore: (videos: Video[]) => void;
  retry: (videos: Video[]) => void;
  rename: (video: Video) => void;
  editTags: (video: Video) => void;
  filterTag: (tag: string) => void;
}

const nothing = () => undefined;

export const LibraryContext = createContext<LibraryActions>({
  mayManage: false,
  select: nothing,
  remove: nothing,
  removeByKey: nothing,
  restore: nothing,
  retry: nothing,
  rename: nothing,
  editTags: nothing,
  filterTag: nothing,
});

export const useLibrary = () => useContext(LibraryContext);
