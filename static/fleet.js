// The fleet page: this camera large, the others as tiles, all kept up to date.

import { Stream } from "./live.js";
import { demoBar, showNotices, showTakeover } from "./notices.js";
import { linkTo, setText, showCamera, Tiles, webUrl } from "./tiles.js";
import { watch } from "./watch.js";

const mine = document.querySelector("#mine");
const stream = new Stream(mine.querySelector(".frame"));
const tiles = new Tiles();

/** The time of day, with the date where it is not today's. */
function showSince(line, date) {
  const today = date.toDateString() === new Date().toDateString();
  const time = line.querySelector("time");
  time.dateTime = date.toISOString();
  setText(time, date.toLocaleString([], { dateStyle: today ? undefined : "medium", timeStyle: "short" }));
}

function showStanding({ standing, since, representative, router }) {
  const block = document.querySelector("#standing");
  for (const line of block.children) line.hidden = line.dataset.standing !== standing;
  const line = block.querySelector(".since");
  line.hidden = typeof since !== "number";
  if (!line.hidden) showSince(line, new Date(since * 1000));
  const link = block.querySelector("[data-standing=member] a");
  if (standing === "member" && representative) {
    linkTo(link, webUrl(representative.url));
    setText(link.querySelector("bdi"), representative.name);
  }
  if (standing === "alone") setText(block.querySelector(".why"), router);
}

function show(answer) {
  showStanding(answer);
  showNotices(answer);
  const me = answer.cameras.find((camera) => camera.self);
  if (me) {
    const before = mine.dataset.id;
    showTakeover(mine, me);
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

const since = document.querySelector(".since:not([hidden])");
if (since) showSince(since, new Date(since.querySelector("time").dateTime));
demoBar();
watch({ show, back: () => stream.start(), elsewhere: () => tiles.urls });
