// The fleet page: this camera large, the others as tiles, all kept up to date.

import { Stream } from "./live.js";
import { demoBar, showNotices } from "./notices.js";
import { setText, showCamera, Tiles, webUrl } from "./tiles.js";
import { watch } from "./watch.js";

const mine = document.querySelector("#mine");
const stream = new Stream(mine.querySelector(".frame"));
const tiles = new Tiles();

function showStanding({ standing, representative, router }) {
  const block = document.querySelector("#standing");
  for (const line of block.children) {
    const hidden = line.dataset.standing !== standing;
    if (line.hidden !== hidden) {
      line.hidden = hidden;
      line.querySelector(".since")?.remove(); // it belonged to the standing before
    }
  }
  const url = webUrl(representative?.url);
  const link = block.querySelector("[data-standing=member] a");
  if (standing === "member" && url) {
    link.href = url;
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

for (const time of document.querySelectorAll("time")) {
  const date = new Date(time.dateTime);
  const today = date.toDateString() === new Date().toDateString();
  time.textContent = today
    ? date.toLocaleTimeString([], { timeStyle: "short" })
    : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
demoBar();
watch({ show, back: () => stream.start(), elsewhere: () => tiles.urls });
