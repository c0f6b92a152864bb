// The box above a crowd of cameras that shows only those whose name or address has the text in it.

import { setText, show } from "./text.js";

const box = document.querySelector("#filter");
const input = document.querySelector("#filter-text");
const count = document.querySelector("#filter-count");
const list = document.querySelector("#tiles");

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function has(tile, words) {
  const textOf = (part) => tile.querySelector(part)?.textContent ?? "";
  const text = [".name", ".label", ".address"].map(textOf);
  const all = plain(text.join(" "));
  return words.every((word) => all.includes(word));
}

/** Shows the tiles that are asked for, and the box itself from so many cameras on. */
export function filter() {
  const wall = document.querySelector("#wall");
  const crowd = list.children.length >= Number(wall.dataset.crowdFrom);
  wall.toggleAttribute("data-crowd", crowd);
  const words = plain(input.value).split(/\s+/).filter(Boolean);
  show(box, crowd || words.length > 0);
  let shown = 0;
  for (const tile of list.children) {
    const wanted = words.length === 0 || has(tile, words);
    show(tile, wanted);
    shown += wanted;
  }
  setText(count, words.length ? `${shown} of ${list.children.length}` : "");
}

/** Listens to what is typed. */
export function filtering() {
  input.addEventListener("input", filter);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !input.value) return;
    event.preventDefault();
    input.value = "";
    filter();
  });
  filter(); // a browser may have kept the text over a reload
}
