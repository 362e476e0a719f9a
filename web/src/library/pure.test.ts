import { expect, test } from "vitest";
import { ApiError } from "../api/error";
import type { Video } from "../api/types";
import { tileOf } from "../ui/tile";
import { chunksOf, eachOf } from "./pool";
import { embedOf, qualityOf } from "./share";
import { thin, tileStyle } from "./tiles";
import { extentOf, nextStep } from "./window";

const URL = "https://store.example/id/a1/storyboard.vtt";

test.each([
  ["storyboard_000.jpg#xywh=160,90,160,90", [160, 90, 160, 90]],
  ["storyboard_000.jpg", null],
  ["storyboard_000.jpg#xywh=1,2,3", null],
])("the cue %s names a tile", (text, place) => {
  const tile = tileOf(text, URL);
  expect(tile && [tile.x, tile.y, tile.width, tile.height]).toEqual(place);
  if (tile) expect(tile.sheet).toBe("https://store.example/id/a1/storyboard_000.jpg");
});

test("the last tile of a sheet is shown from its end", () => {
  const tile = { sheet: "s", x: 480, y: 0, width: 160, height: 90 };
  const style = tileStyle(tile, 640, 90);
  expect([style.backgroundSize, style.backgroundPosition]).toEqual(["400% 100%", "100% 0"]);
});

test("long storyboards are thinned at equal distances", () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n);
  expect(thin(hundred, 4)).toEqual([0, 25, 50, 75]);
  expect(thin([1, 2], 4)).toEqual([1, 2]);
});

const video = (renditions: object[], title = "Film") =>
  ({ id: "5f2b", filename: "film.mp4", title, renditions }) as unknown as Video;

test("the code to embed has the shape of the video, and no open quote", () => {
  const upright = video(
    [
      { label: "480p", width: 480, height: 854 },
      { label: "1080p", width: 1080, height: 1920 },
      { name: "audio" },
    ],
    '"Me" & <you>',
  );
  expect(qualityOf(upright)).toBe("1080p");
  const code = embedOf(upright, "https://video.example");
  expect(code).toContain('src="https://video.example/embed/5f2b"');
  expect(code).toContain('title="&quot;Me&quot; &amp; &lt;you>"');
  expect(code).toContain('width="640" height="1138"');
  expect(embedOf(video([]), "")).toContain('height="360"');
  const hidden = { ...video([]), visibility: "private" } as Video;
  expect(embedOf(hidden, "https://v.example")).toContain(
    'src="https://v.example/embed/5f2b?token=TOKEN"',
  );
});

test.each([
  // All of them are in memory, whatever the estimate says.
  [{ end: 120, hasNext: false, lastSeen: 1, total: 900, pageSize: 100 }, 120],
  [{ end: 100, hasNext: true, lastSeen: 0, total: 900, pageSize: 100 }, 100],
  [{ end: 100, hasNext: true, lastSeen: 4, total: 900, pageSize: 100 }, 500],
  [{ end: 100, hasNext: true, lastSeen: 0, total: 90, pageSize: 100 }, 101],
])("the list of %o has %d places", (known, places) => expect(extentOf(known)).toBe(places));

test.each([
  [{ from: 10, to: 20 }, null],
  [{ from: 80, to: 90 }, "next"],
  [{ from: 450, to: 460 }, 4],
])("the eye at %o needs %s", (eye, step) => {
  const place = { ...eye, first: 0, end: 100, pageSize: 100 };
  expect(nextStep(place, true, false)).toBe(step);
});

test("above the window, the page before is read, and far above the page there", () => {
  const place = { first: 500, end: 700, pageSize: 100 };
  expect(nextStep({ ...place, from: 510, to: 530 }, true, true)).toBe("previous");
  expect(nextStep({ ...place, from: 210, to: 230 }, true, true)).toBe(2);
});

test("one that fails stops no other, and a busy server is asked again", async () => {
  const tries = new Map<number, number>();
  const failures = await eachOf(
    [1, 2, 3, 4, 5, 6],
    async (item) => {
      const tried = (tries.get(item) ?? 0) + 1;
      tries.set(item, tried);
      if (item === 2) throw new ApiError(409, "conflict", "no");
      if (item === 3 && tried < 3) throw new ApiError(429, "busy", "later");
    },
    1,
  );
  expect(failures.map(({ item }) => item)).toEqual([2]);
  expect([tries.get(2), tries.get(3), tries.get(6)]).toEqual([1, 3, 1]);
  expect(chunksOf([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
});
