// The page of switch.mjs: starts a player, switches its rungs and watches what it shows.

import { Course } from "/switch/course.js";
import { PLAYERS } from "/switch/players.js";
import { Watcher } from "/switch/watcher.js";

// Time on each rung in the manner `now`.
const HOLD_MS = 1600;

// Plays to the end, or until window.end is called.
window.play = ({ player: name, url, manner }) =>
  new Promise((resolve) => {
    if (!PLAYERS[name]?.manners.includes(manner)) throw new Error(`${name} cannot: ${manner}`);
    const errors = [];
    const watcher = new Watcher();
    const order = { url, manner, course: null };
    let rungs = [];
    order.onRungs = (heights) => {
      rungs = heights;
      order.course = new Course(heights.length);
    };
    order.onError = (text) => {
      errors.push(`${text} at ${watcher.video?.currentTime.toFixed(2)} s`);
      if (text.includes("fatal")) window.end();
    };
    window.end = () => {
      watcher.stop();
      const wanted = order.course?.switches.map((pair) => pair.map((at) => rungs[at])) ?? [];
      resolve({ rungs, ...watcher.result(wanted), errors });
    };

    const player = PLAYERS[name].start(order);
    let since = null;
    watcher.watch(player.video, (height) => {
      if (!player.take) return;
      if (height !== rungs[order.course.wanted]) since = null;
      else since ??= performance.now();
      if (since === null || performance.now() - since < HOLD_MS) return;
      since = null;
      order.course.advance();
      player.take(order.course.wanted);
    });
    player.video.addEventListener("ended", window.end);
  });
