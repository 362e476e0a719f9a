// Words of the watch page.

import { common } from "./common";
import { watch } from "./watch";

export const text = { common, watch };
