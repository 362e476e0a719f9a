// Words of system and settings.

import { common } from "./common";
import { session } from "./session";
import { settings } from "./settings";
import { system } from "./system";

export const text = { common, session, settings, system };
