// Reads files of WebVTT.

// The browser's own reader of WebVTT is the one of <track>.
export function readCues(url: string): Promise<VTTCue[]> {
  const video = document.createElement("video");
  // The store has an origin of its own.
  video.crossOrigin = "anonymous";
  const track = document.createElement("track");
  track.kind = "metadata";
  track.src = url;
  video.append(track);
  track.track.mode = "hidden";
  return new Promise((resolve, reject) => {
    track.onload = () => resolve(Array.from(track.track.cues ?? []) as VTTCue[]);
    track.onerror = () => reject(new Error(`${url} cannot be read.`));
  });
}
