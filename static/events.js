// What happens, said at once and in words, from /api/v1/events. Without it (an old browser, all seats
// taken) the page learns the same from its regular questions, a little later.

import { isOver } from "./login.js";

const KINDS = ["representative", "vacancy", "router", "camera"];
const SHOWN = 120000; // ms that a line stays
const MOST = 3; // lines at a time
const AGAIN = 10000; // a browser that gives up by itself is helped after this time

let source = null;
let last = ""; // the id of the last event, also when its source is gone

/** Whether changes come by themselves at the moment. */
export const listening = () => source?.readyState === 1;

/** Says a change to those who do not see it. */
export function announce(text) {
  const place = document.querySelector("#changes");
  if (place.textContent !== text) place.textContent = text;
}

const lineOf = (key) =>
  [...document.querySelector("#happened").children].find((line) => line.dataset.key === key);

/** Whether something is on the page under this key already. */
export const isTold = (key) => Boolean(lineOf(key));

/** The key of one term of one representative. */
export const officeKey = (id, term) => `office ${id} ${term}`;

/** Puts a line on the page for a while, below the others; the same key again takes the place of what it said before. */
export function tell(key, seconds, words) {
  const list = document.querySelector("#happened");
  lineOf(key)?.remove();
  const line = document.createElement("li");
  line.className = "notice";
  line.dataset.level = "info";
  line.dataset.key = key;
  const time = document.createElement("time");
  const date = new Date(seconds * 1000);
  time.dateTime = date.toISOString();
  time.textContent = date.toLocaleTimeString();
  line.append(time, " ", words);
  list.append(line);
  while (list.children.length > MOST) list.firstElementChild.remove();
  setTimeout(() => line.remove(), SHOWN);
}

function happened(event) {
  last = event.lastEventId || last;
  const { at, words, to, term } = JSON.parse(event.data);
  switch (event.type) {
    case "representative":
      lineOf("vacancy")?.remove(); // it is over
      tell(officeKey(to.id, term), at, words);
      break;
    case "camera": announce(words); break; // who sees the page sees its picture come and go
    default: tell(event.type, at, words);
  }
}

function open(changed) {
  const after = last ? `?after=${encodeURIComponent(last)}` : "";
  const mine = new EventSource(`/api/v1/events${after}`);
  source = mine;
  for (const kind of KINDS) {
    mine.addEventListener(kind, (event) => {
      happened(event);
      changed();
    });
  }
  mine.addEventListener("error", () => {
    if (mine.readyState !== EventSource.CLOSED) return; // it comes back by itself
    setTimeout(() => {
      if (source === mine && !document.hidden && !isOver()) open(changed);
    }, AGAIN);
  });
}

/**
 * Listens while the page is seen, and calls `changed()` after each event. A page in the background lets go:
 * a browser has few connections to one address, and a camera has few seats.
 */
export function listen(changed) {
  if (!window.EventSource) return;
  const anew = () => {
    source?.close();
    source = null;
    if (!document.hidden && !isOver()) open(changed);
  };
  for (const kind of ["visibilitychange", "login-ended", "login-resumed"]) document.addEventListener(kind, anew);
  anew();
}
