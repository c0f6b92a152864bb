// The page of this camera alone.

import { Stream } from "./live.js";
import { demoBar, showNotices, showTakeover } from "./notices.js";
import { showCamera, webUrl } from "./tiles.js";
import { watch } from "./watch.js";

const mine = document.querySelector("#mine");
const frame = mine.querySelector(".frame");
const stream = new Stream(frame);
let others = [];

function show(answer) {
  showNotices(answer);
  others = answer.cameras.filter((camera) => !camera.self).map((camera) => camera.url).filter(Boolean);
  const elsewhere = answer.standing === "member" && webUrl(answer.representative?.url);
  document.querySelector("#back").href = elsewhere || "/";
  const me = answer.cameras.find((camera) => camera.self);
  if (!me) return;
  const before = mine.dataset.id;
  showTakeover(mine, me);
  showCamera(mine, me);
  document.title = `${me.name} · Porthole`;
  if (before !== mine.dataset.id) stream.start();
}

const button = document.querySelector("#full-screen");
button.hidden = !document.fullscreenEnabled;
button.addEventListener("click", () => frame.requestFullscreen());
demoBar();
watch({ show, back: () => stream.start(), elsewhere: () => others });
