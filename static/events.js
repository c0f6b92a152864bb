// What happens, said at once and in words, from /api/v1/events. Without it (an old browser, as many
// listening as may) the page learns the same from its regular questions, a little later.

import { isOver } from "./login.js";

const KINDS = ["representative", "vacancy", "router", "camera"];
const LINE_FOR = 120000; // ms that a line stays
const MOST_LINES = 3; // lines at a time
const RETRY = 10000; // ms after which a connection that the browser has given up is opened again

let source = null;
let last = ""; // the id of the last event, also when its source is gone

/** Whether changes come by themselves at the moment. */
export const listening = () => source?.readyState === 1;

/** Says a change to people who do not see it. */
export function announce(text) {
  const place = document.querySelector("#changes");
  if (place.textContent !== text) place.textContent = text;
}

const lineOf = (key) =>
  [...document.querySelector("#happened").children].find((line) => line.dataset.key === key);

/** Whether something is on the page under this key already. */
export const isTold = (key) => Boolean(lineOf(key));

/** The key of one term of one representative. */
export const termKey = (id, term) => `term ${id} ${term}`;

/**
 * Puts a line on the page for a while, below the others; the same key again takes the place of what
 * it said before.
 */
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
  while (list.children.length > MOST_LINES) list.firstElementChild.remove();
  setTimeout(() => line.remove(), LINE_FOR);
}

function showEvent(event) {
  last = event.lastEventId || last;
  const { at, words, to, term } = JSON.parse(event.data);
  switch (event.type) {
    case "representative":
      lineOf("vacancy")?.remove(); // it is over
      tell(termKey(to.id, term), at, words);
      break;
    case "camera": announce(words); break; // its picture comes and goes, for those who see it
    default: tell(event.type, at, words);
  }
}

function open(changed) {
  const after = last ? `?after=${encodeURIComponent(last)}` : "";
  const opened = new EventSource(`api/v1/events${after}`);
  source = opened;
  for (const kind of KINDS) {
    opened.addEventListener(kind, (event) => {
      showEvent(event);
      changed();
    });
  }
  opened.addEventListener("error", () => {
    if (opened.readyState !== EventSource.CLOSED) return; // it comes back by itself
    setTimeout(() => {
      if (source === opened && !document.hidden && !isOver()) open(changed);
    }, RETRY);
  });
}

/**
 * Listens while the page is seen, and calls `changed()` after each event. A page in the background
 * lets go: a browser has few connections to one address, and a camera lets few listen.
 */
export function listen(changed) {
  if (!window.EventSource) return;
  const reopen = () => {
    source?.close();
    source = null;
    if (!document.hidden && !isOver()) open(changed);
  };
  for (const kind of ["visibilitychange", "login-ended", "login-resumed"]) {
    document.addEventListener(kind, reopen);
  }
  reopen();
}
