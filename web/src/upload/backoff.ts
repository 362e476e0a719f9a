// How long to wait before the next try.

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** Doubles with each try up to a minute. A random half keeps many browsers from coming back at once. */
export function delayMs(tries: number, random = Math.random): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries - 1, 10));
  return whole / 2 + (whole / 2) * random();
}

/** One alarm per file. Without a network none is set: the browser says when it is back. */
export class Alarms {
  #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly onWake: (key: string) => void,
    private readonly isOnline: () => boolean,
  ) {}

  set(key: string, tries: number): void {
    this.clear(key);
    if (!this.isOnline()) return;
    const wake = () => {
      this.#timers.delete(key);
      this.onWake(key);
    };
    this.#timers.set(key, setTimeout(wake, delayMs(tries)));
  }

  clear(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
