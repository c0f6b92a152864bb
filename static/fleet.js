// The fleet page: this camera large, the others as tiles, all kept up to date.

import { listen } from "./events.js";
import { filter, filtering } from "./filter.js";
import { Stream } from "./live.js";
import { demoBar, showNotices, showTakeover } from "./notices.js";
import { renaming } from "./rename.js";
import { localTime, showStanding } from "./standing.js";
import { show as reveal } from "./text.js";
import { showCamera, Tiles } from "./tiles.js";
import { watch } from "./watch.js";

const mine = document.querySelector("#mine");
const wall = document.querySelector("#wall");
const stream = new Stream(mine.querySelector(".frame"));
const tiles = new Tiles();

/**
 * Without a site key another camera may ask for a login of its own, and then its picture does not
 * come.
 */
function showLoginHint() {
  const works = '.tile:not([data-state="failed"]):not([data-presence="fading"])';
  const blind = wall.querySelector(`${works} .frame[data-picture="none"]`);
  const asks = document.body.dataset.reach === "this-camera" && blind !== null;
  reveal(document.querySelector("#asks-itself"), asks);
}

function show(answer) {
  showStanding(answer);
  showNotices(answer);
  const me = answer.cameras.find((camera) => camera.self);
  if (me) {
    const before = mine.dataset.id;
    showTakeover(mine, me, answer.representative);
    showCamera(mine, me);
    document.title = `${me.name} · Porthole`;
    // The representative's address has passed to another camera: its stream, not the previous
    // one's.
    if (before !== mine.dataset.id) stream.start();
  }
  const others = answer.cameras.filter((camera) => !camera.self);
  tiles.show(others);
  filter();
  wall.toggleAttribute("data-empty", others.length === 0);
  reveal(document.querySelector("#others"), others.length !== 0);
  reveal(document.querySelector("#alone"), others.length === 0);
  reveal(document.querySelector("#unverified-means"), others.some((camera) => !camera.verified));
  showLoginHint();
}

localTime();
demoBar();
filtering();
const poll = watch({ show, back: () => stream.start(), elsewhere: () => tiles.cameras });
listen(poll);
renaming(poll);
