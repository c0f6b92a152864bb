// The notices above the pictures, the router's line below them, and the demo's bar.

import { setText } from "./tiles.js";

const TAKEOVER_SHOWN = 60000;
let hideTakeover = 0;

export function showNotices(answer) {
  const list = document.querySelector("#notices");
  const same = list.children.length === answer.notices.length
    && answer.notices.every(({ level, text }, i) =>
      list.children[i].dataset.level === level && list.children[i].textContent === text);
  if (!same) {
    list.replaceChildren(...answer.notices.map(({ level, text }) => {
      const item = document.createElement("li");
      item.className = "notice";
      item.dataset.level = level;
      item.textContent = text;
      return item;
    }));
  }
  setText(document.querySelector("#router"), answer.router);
}

/** Another camera answers at this address from now on: said once, for a while. */
export function showTakeover(mine, camera) {
  if (!mine.dataset.id || mine.dataset.id === camera.id) return;
  const notice = document.querySelector("#taken-over");
  setText(notice.querySelector(".now"), camera.name);
  setText(notice.querySelector(".before"), mine.querySelector(".name").textContent);
  notice.hidden = false;
  clearTimeout(hideTakeover);
  hideTakeover = setTimeout(() => { notice.hidden = true; }, TAKEOVER_SHOWN);
  setText(document.querySelector("#demo-note"), "");
}

/** The demo's button: the simulated house loses its representative, and another one takes over. */
export function demoBar() {
  const url = document.body.dataset.demo;
  if (!url) return;
  const button = document.querySelector("#pull-the-plug");
  const note = document.querySelector("#demo-note");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await fetch(url, { method: "POST", mode: "no-cors" });
      note.textContent = "— unplugged. Watch another camera take over at this same address.";
    } catch {
      note.textContent = "— the demo does not answer. Is it still running?";
    }
    setTimeout(() => { button.disabled = false; }, 5000);
  });
}
