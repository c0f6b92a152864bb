// Pan and tilt: buttons and arrow keys, for an admin, where the camera can be turned.

import { Refused, send } from "./forms.js";
import { setText, show } from "./text.js";

const URL = "api/v1/drive";
const STEP = 2 * 3600; // arc seconds
const KEYS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

const degrees = (seconds) => Math.round(Math.abs(seconds) / 360) / 10;

/** Where it points, in words. */
function inWords({ pan, tilt }) {
  const parts = [];
  if (pan) parts.push(`${degrees(pan)}° to the ${pan > 0 ? "right" : "left"}`);
  if (tilt) parts.push(`${degrees(tilt)}° ${tilt > 0 ? "up" : "down"}`);
  return parts.length ? `It points ${parts.join(" and ")}.` : "It points straight ahead.";
}

/**
 * Shows the pad below `frame` if this client may turn the camera and it has something to turn it.
 */
export async function driving(frame) {
  if (document.body.dataset.access !== "admin") return;
  const pad = document.querySelector("#drive");
  const problem = document.querySelector("#drive-problem");
  let position;
  try {
    position = await send("GET", URL);
  } catch {
    return; // it has no drive
  }
  if (typeof position?.pan !== "number") return;

  const shown = (at) => setText(document.querySelector("#pointing"), inWords(at));
  let wanted = null; // the steps that came while one was under way, as one
  let busy = false;

  async function turn(command) {
    wanted = add(wanted, command);
    if (busy) return;
    busy = true;
    try {
      while (wanted) {
        const next = wanted;
        wanted = null;
        shown(await send("POST", URL, next));
        show(problem, false);
      }
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      wanted = null;
      setText(problem, refused.message);
      show(problem, true);
    } finally {
      busy = false;
    }
  }

  const by = ([pan, tilt]) => ({ by: { pan: pan * STEP, tilt: tilt * STEP } });
  pad.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if ("home" in button.dataset) turn("home");
    else turn(by([Number(button.dataset.pan), Number(button.dataset.tilt)]));
  });
  for (const place of [frame, pad]) {
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const command = event.key === "Home" ? "home" : KEYS[event.key] && by(KEYS[event.key]);
      if (!command) return;
      event.preventDefault();
      turn(command);
    });
  }
  // In focus it takes the arrow keys, so it says what they do.
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", "Picture");
  frame.setAttribute("aria-describedby", "drive-keys");
  shown(position);
  show(pad, true);
}

/** Two commands as one: home goes before what came earlier, steps add up. */
function add(first, second) {
  if (!first || second === "home") return second;
  const from = first.by ?? first.to ?? { pan: 0, tilt: 0 };
  const sum = { pan: from.pan + second.by.pan, tilt: from.tilt + second.by.tilt };
  return first.by ? { by: sum } : { to: sum };
}
