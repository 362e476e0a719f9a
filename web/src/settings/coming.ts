// Answers of the API that its document does not describe yet.

export interface Setting {
  key: string;
  /** Any JSON; `null` for secrets. */
  value: unknown;
  is_secret: boolean;
  default: unknown;
  /** `default`, `file`, `environment` or `command-line`. */
  origin: string;
  /** Path of the file, or name of the variable or flag. */
  source?: string | null;
  doc: string;
}

export interface SettingList {
  settings: Setting[];
}
