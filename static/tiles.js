// The cameras on the page, brought in line with what /api/v1/cameras says: in place, without a
// reload.

import { announce, listening } from "./events.js";
import { Stills } from "./live.js";
import { linkTo, setAttribute, setData, setText, show } from "./text.js";

const WORDS = {
  live: "Live",
  idle: "Resting",
  failed: "No picture",
  unknown: "Not known",
};

const admin = document.body.dataset.access === "admin";

/** The name, with what tells the camera from another one of the same name. */
export const fullName = ({ name, label }) => (label ? `${name} (${label})` : name);

/**
 * What a camera is doing. A picture that came proves that it is awake, whatever was last heard: it
 * wakes for this very page.
 */
function stateOf(place, { state }) {
  if (state === "idle" && place.querySelector(".frame").dataset.picture === "fresh") return "live";
  return WORDS[state] ? state : "unknown";
}

document.addEventListener("picture", ({ target }) => {
  const place = target.closest("[data-state]");
  if (place?.dataset.state === "idle") showState(place, "live");
});

function showState(place, state) {
  setData(place, "state", state);
  setText(place.querySelector(".word"), WORDS[state]);
}

/** A camera that fades is dimmed, and says since when it has been silent. */
function showPresence(place, { presence, last_seen_seconds: silent }) {
  const fading = presence === "fading";
  setData(place, "presence", fading ? "fading" : "here");
  const line = place.querySelector(".silent");
  if (!line) return;
  show(line, fading);
  if (fading) setText(line.querySelector(".ago"), String(Math.floor(silent)));
}

/** Writes one camera of the answer into its place on the page. */
export function showCamera(place, camera) {
  const before = place.dataset.state;
  const state = stateOf(place, camera);
  const name = fullName(camera);
  if (before !== state && (before === "failed" || state === "failed")) {
    announce(`${name}: ${WORDS[state]}`);
  }
  showState(place, state);
  showPresence(place, camera);
  setData(place, "id", camera.id ?? "");
  setData(place, "url", camera.url ?? "");
  setText(place.querySelector(".name bdi"), camera.name);
  const label = place.querySelector(".label");
  show(label, Boolean(camera.label));
  setText(label, camera.label ?? "");
  setText(place.querySelector(".detail"), camera.detail);
  const address = place.querySelector(".address");
  show(address, Boolean(camera.url));
  setText(address, camera.url ?? "");
  show(place.querySelector(".badge.representative"), camera.representative);
  show(place.querySelector(".badge.unverified"), !camera.verified);
  const rename = place.querySelector("button.rename");
  if (rename) {
    show(rename, admin && Boolean(camera.id));
    setAttribute(rename, "aria-label", `Rename ${name}`);
  }
  const alt = `${place.id === "mine" ? "Live picture" : "Picture"} of ${name}`;
  setAttribute(place.querySelector(".frame img"), "alt", alt);
}

/** The tiles of the other cameras. */
export class Tiles {
  #list = document.querySelector("#tiles");
  #prototype = document.querySelector("#tile").content.querySelector(".tile");
  #stills = new Map();
  #cameras = [];
  /** By tile, what it was given last: most of 250 do not change between two answers. */
  #shown = new Map();

  constructor() {
    for (const tile of this.#list.children) this.#watch(tile);
  }

  /** The other cameras as they were last told of. */
  get cameras() {
    return this.#cameras;
  }

  show(cameras) {
    this.#cameras = cameras;
    const gone = new Set(this.#list.children);
    const known = new Map([...gone].map((tile) => [tile.dataset.id, tile]));
    let at = this.#list.firstElementChild;
    for (const camera of cameras) {
      const tile = this.#find(known, gone, camera) ?? this.#add(camera);
      gone.delete(tile);
      this.#fill(tile, camera);
      while (at && gone.has(at)) at = at.nextElementSibling;
      if (tile === at) at = at.nextElementSibling;
      else this.#list.insertBefore(tile, at);
    }
    for (const tile of gone) this.#remove(tile);
  }

  #fill(tile, camera) {
    this.#stills.get(tile).url = camera.still_url;
    const { last_seen_seconds: silent, still_url: _, ...rest } = camera;
    const fading = camera.presence === "fading" ? Math.floor(silent) : "";
    const worth = tile.querySelector(".frame").dataset.picture;
    const now = JSON.stringify([rest, fading, worth]);
    if (this.#shown.get(tile) === now) return;
    this.#shown.set(tile, now);
    showCamera(tile, camera);
    linkTo(tile.querySelector(".name a"), camera.page_url);
    show(tile.querySelector(".unreached"), !camera.url);
  }

  /**
   * By identity; an entry that only the router's table knew is found again by its address, or its
   * name.
   */
  #find(known, tiles, camera) {
    const same = camera.id && known.get(camera.id);
    if (same && tiles.has(same)) return same;
    const alike = camera.url
      ? (tile) => tile.dataset.url === camera.url
      : (tile) => tile.querySelector(".name bdi").textContent === camera.name;
    return [...tiles].find((tile) => (!camera.id || !tile.dataset.id) && alike(tile));
  }

  #add(camera) {
    const tile = document.importNode(this.#prototype, true);
    tile.dataset.url = camera.url ?? "";
    this.#list.append(tile);
    this.#watch(tile);
    if (!listening()) announce(`${fullName(camera)} has joined`);
    return tile;
  }

  #remove(tile) {
    if (!listening()) announce(`${tile.querySelector(".name").textContent} has left`);
    this.#stills.get(tile).stop();
    this.#stills.delete(tile);
    this.#shown.delete(tile);
    tile.querySelector("img").src = "";
    tile.remove();
  }

  #watch(tile) {
    const frame = tile.querySelector(".frame");
    const stills = new Stills(frame, frame.querySelector("img").src || null);
    this.#stills.set(tile, stills);
  }
}
