// One PUT to the store. XMLHttpRequest, because fetch does not tell how far an upload is.

/** Time without any progress after which a connection counts as dead, in milliseconds. */
const STALLED_MS = 60_000;

export interface PutAnswer {
  /** 0 if no answer came. */
  status: number;
  etag: string | null;
}

export interface Put {
  answer: Promise<PutAnswer>;
  /** Breaks it off. Its answer has status 0 then. */
  abort: () => void;
}

export function startPut(
  url: string,
  body: Blob,
  headers: Readonly<Record<string, string>>,
  onProgress: (bytes: number) => void,
): Put {
  const xhr = new XMLHttpRequest();
  const answer = new Promise<PutAnswer>((resolve) => {
    let timer: ReturnType<typeof setTimeout>;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => xhr.abort(), STALLED_MS);
    };
    const end = (answer: PutAnswer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    xhr.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      watch();
      onProgress(event.loaded);
    };
    xhr.onload = () => end({ status: xhr.status, etag: xhr.getResponseHeader("ETag") });
    xhr.onerror = () => end({ status: 0, etag: null });
    xhr.onabort = xhr.onerror;
    watch();
    xhr.send(body);
  });
  return { answer, abort: () => xhr.abort() };
}
