// The representative, since when and why: the line at the top of every page.

import { linkTo, setText, webUrl } from "./text.js";
import { fullName } from "./tiles.js";

/** The time of day, with the date where it is not today's. */
function showTime(time, date) {
  const today = date.toDateString() === new Date().toDateString();
  time.dateTime = date.toISOString();
  const style = { dateStyle: today ? undefined : "medium", timeStyle: "medium" };
  setText(time, date.toLocaleString([], style));
}

function showReason(line, { since, because }) {
  const when = line.querySelector(".since");
  when.hidden = typeof since !== "number";
  if (!when.hidden) showTime(when.querySelector("time"), new Date(since * 1000));
  const why = line.querySelector(".because");
  why.hidden = !because;
  setText(why.querySelector("span"), because ?? "");
}

/** Where a link to a camera leads: as the list of cameras has it, which carries the login along. */
export function wayTo({ id, url }, cameras) {
  const camera = cameras.find((camera) => id && camera.id === id);
  return camera?.page_url ?? webUrl(url);
}

export function showStanding({ standing, representative, cameras }) {
  const known = (reference) => cameras.find(({ id }) => id && id === reference.id);
  const nameOf = (reference) => fullName(known(reference) ?? reference);
  const block = document.querySelector("#standing");
  const line = block.querySelector(`[data-standing=${standing}]`);
  for (const other of block.children) other.hidden = other !== line;
  const why = block.querySelector(".why");
  if (standing !== "alone") setText(why, ""); // what the page was made with is over
  if (!line) return; // a value that only a newer server knows
  switch (standing) {
    case "member": {
      const link = line.querySelector("a");
      linkTo(link, wayTo(representative, cameras));
      setText(link.querySelector("bdi"), nameOf(representative));
      showReason(line, representative);
      break;
    }
    case "representative": showReason(line, representative); break;
    case "vacant": {
      setText(line.querySelector(".words"), representative.words);
      const { successor } = representative;
      const link = line.querySelector(".deputy");
      link.hidden = successor?.stage !== "deputy" || Boolean(known(successor)?.self);
      linkTo(link, successor && wayTo(successor, cameras));
      setText(link.querySelector("bdi"), successor ? nameOf(successor) : "");
      break;
    }
    default: if (why.textContent === "") setText(why, "No camera answers for all yet.");
  }
}

/** What the page was made with, in the client's own time. */
export function localTime() {
  for (const time of document.querySelectorAll("#standing .since:not([hidden]) time")) {
    showTime(time, new Date(time.dateTime));
  }
}
