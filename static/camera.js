// The page of this camera alone.

import { driving } from "./drive.js";
import { listen } from "./events.js";
import { Stream } from "./live.js";
import { demoBar, showNotices, showTakeover } from "./notices.js";
import { localTime, showStanding, wayTo } from "./standing.js";
import { showCamera } from "./tiles.js";
import { watch } from "./watch.js";

const mine = document.querySelector("#mine");
const frame = mine.querySelector(".frame");
const stream = new Stream(frame);
let others = [];

/** Where all cameras are shown, if that is elsewhere. */
function urlOfAll({ standing, representative, cameras }) {
  if (standing === "member") return wayTo(representative, cameras);
  const successor = standing === "vacant" && representative.successor;
  const elsewhere = successor?.stage === "deputy" && successor.id !== mine.dataset.id;
  return elsewhere ? wayTo(successor, cameras) : null;
}

function show(answer) {
  showStanding(answer);
  showNotices(answer);
  others = answer.cameras.filter((camera) => !camera.self);
  document.querySelector("#back").href = urlOfAll(answer) || "./";
  const me = answer.cameras.find((camera) => camera.self);
  if (!me) return;
  const before = mine.dataset.id;
  showTakeover(mine, me, answer.representative);
  showCamera(mine, me);
  document.title = `${me.name} · Porthole`;
  if (before !== mine.dataset.id) stream.start();
}

const button = document.querySelector("#full-screen");
button.hidden = !document.fullscreenEnabled;
button.addEventListener("click", () => frame.requestFullscreen());
localTime();
demoBar();
const poll = watch({ show, back: () => stream.start(), elsewhere: () => others });
listen(poll);
driving(frame);
