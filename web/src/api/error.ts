/** A request that failed. `status` is 0 if no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Stable code of the API, or "" if there is none. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}
