// The fleet page: this camera large, the others as tiles, all kept up to date.

import { listen } from "./events.js";
import { Stream } from "./live.js";
import { demoBar, showNotices, showTakeover } from "./notices.js";
import { localTime, showStanding } from "./standing.js";
import { showCamera, Tiles } from "./tiles.js";
import { watch } from "./watch.js";

const mine = document.querySelector("#mine");
const stream = new Stream(mine.querySelector(".frame"));
const tiles = new Tiles();

function show(answer) {
  showStanding(answer);
  showNotices(answer);
  const me = answer.cameras.find((camera) => camera.self);
  if (me) {
    const before = mine.dataset.id;
    showTakeover(mine, me, answer.representative);
    showCamera(mine, me);
    document.title = `${me.name} · Porthole`;
    // The representative's address has passed to another camera: its stream, not the dead one's.
    if (before !== mine.dataset.id) stream.start();
  }
  const others = answer.cameras.filter((camera) => !camera.self);
  tiles.show(others);
  document.querySelector("#wall").toggleAttribute("data-empty", others.length === 0);
  document.querySelector("#others-heading").hidden = others.length === 0;
  document.querySelector("#alone").hidden = others.length !== 0;
}

localTime();
demoBar();
const look = watch({ show, back: () => stream.start(), elsewhere: () => tiles.urls });
listen(look);
