// The notices above the pictures, the router's line below them, and the demo's bar.

import { isTold, termKey, tell } from "./events.js";
import { setText } from "./text.js";

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

/** Another camera answers at this address from now on: said once, unless its event has said so. */
export function showTakeover(mine, camera, representative) {
  if (!mine.dataset.id || mine.dataset.id === camera.id) return;
  setText(document.querySelector("#demo-note"), "");
  const holds = representative?.state === "held" && representative.id === camera.id;
  const held = holds ? representative : null;
  const key = termKey(camera.id, held?.term);
  if (isTold(key)) return;
  const before = mine.querySelector(".name").textContent.trim();
  const why = held?.because ? `: ${held.because}` : "";
  const words = `${camera.name} has taken over at this address from ${before}${why}.`;
  tell(key, held?.since ?? Date.now() / 1000, words);
}

/** The demo's button: the simulated site loses its representative, and another one takes over. */
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
