// Asks /api/v1/cameras every two seconds and looks for another camera when this one is gone.

import { load, unseen } from "./live.js";
import { ended, resumed } from "./login.js";
import { webUrl } from "./text.js";

const FIRST = 500; // the page was made a moment ago, so what it says is soon old
const EVERY = 2000;
const EVERY_SILENT = 1000;
const EVERY_HIDDEN = 30000;
const TIMEOUT = 4000;
const FAILURES_SHOWN = 2; // a single lost request is not worth mentioning
const PROBE_TIMEOUT = 4000;
// How long the page waits for its own address before it goes to another camera's. The router's
// address for the representative passes to its successor, which may have to wait for a lease to
// end; an address on the LAN stays with the camera that is gone.
const PATIENCE_OUTSIDE = 60000;
const PATIENCE_LAN = 8000;

/** The answer, with the addresses of each camera web addresses or null. */
function understood(answer) {
  return {
    ...answer,
    cameras: answer.cameras.map((camera) => ({
      ...camera,
      url: webUrl(camera.url),
      page_url: webUrl(camera.page_url),
      still_url: webUrl(camera.still_url),
    })),
  };
}

/** The answer, or null where a login is asked for. */
async function ask() {
  const response = await fetch("api/v1/cameras", {
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`/api/v1/cameras answers ${response.status}`);
  return understood(await response.json());
}

/** The address of the first of the cameras that shows a picture, or null. */
async function firstThatAnswers(cameras) {
  const shown = cameras.filter(({ url, still_url: still }) => url && still);
  const probes = shown.map(async ({ url, still_url: still }) => {
    await load(new Image(), unseen(still), PROBE_TIMEOUT);
    return url;
  });
  return Promise.any(probes).catch(() => null);
}

/** The last known pictures and links stay; only this camera's picture is dimmed. */
function showLost(lost) {
  document.querySelector("#lost").hidden = !lost;
  document.querySelector("#mine")?.toggleAttribute("data-lost", lost);
}

/**
 * Calls `show(answer)` with each answer and `back()` before the first one after a silence.
 * `elsewhere()` names the other cameras. What it returns asks at once.
 */
export function watch({ show, back, elsewhere }) {
  let failures = 0;
  let silentSince = 0;
  let patience = PATIENCE_LAN;
  let timer = 0;

  async function round() {
    clearTimeout(timer);
    try {
      const answer = await ask();
      if (!answer) {
        showLost(false);
        ended(); // asked again when the page is seen again, not before
        return;
      }
      resumed();
      if (failures >= FAILURES_SHOWN) back();
      failures = 0;
      showLost(false);
      const mine = answer.cameras.find((camera) => camera.self);
      const outside = webUrl(mine?.external_url);
      patience = outside && new URL(outside).origin === location.origin
        ? PATIENCE_OUTSIDE : PATIENCE_LAN;
      show(answer);
    } catch (error) {
      console.warn("This camera does not answer:", error);
      if (failures === 0) silentSince = Date.now();
      failures += 1;
      showLost(failures >= FAILURES_SHOWN);
      if (failures > FAILURES_SHOWN && Date.now() - silentSince > patience && !document.hidden) {
        const next = await firstThatAnswers(elsewhere());
        if (next) location.assign(next);
      }
    }
    clearTimeout(timer);
    timer = setTimeout(round, document.hidden ? EVERY_HIDDEN : failures > 0 ? EVERY_SILENT : EVERY);
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(round, 0);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) soon();
  });
  timer = setTimeout(round, FIRST);
  return soon;
}
