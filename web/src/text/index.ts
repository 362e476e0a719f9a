// All words of the page. One file per feature, so that a translation is a second folder like this one. Words of
// features that are loaded later are in `viewer.ts` and `operator.ts`.

import { common } from "./common";
import { library } from "./library";
import { session } from "./session";
import { upload } from "./upload";

export const text = { common, library, session, upload };
