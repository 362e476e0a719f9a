// All words of the page. One file per feature, so that a translation is a second folder like this one.

import { common } from "./common";
import { library } from "./library";
import { session } from "./session";
import { settings } from "./settings";
import { system } from "./system";
import { upload } from "./upload";
import { watch } from "./watch";

export const text = { common, library, session, settings, system, upload, watch };
