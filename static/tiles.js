// The cameras on the page, brought in line with what /api/v1/cameras says: in place, without a reload.

import { announce, listening } from "./events.js";
import { Stills } from "./live.js";

const WORDS = {
  live: "Live",
  idle: "Resting",
  failed: "No picture",
  unknown: "Not known",
};

/** The address as text if it is http or https, otherwise nothing. */
export function webUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Writes only what differs, so that a screen reader and a selection are left alone. */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

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
  if (place.dataset.state === "idle") showState(place, "live");
});

function showState(place, state) {
  place.dataset.state = state;
  setText(place.querySelector(".word"), WORDS[state]);
}

/** Writes one camera of the answer into its place on the page. */
export function showCamera(place, camera) {
  const before = place.dataset.state;
  const state = stateOf(place, camera);
  if (before !== state && (before === "failed" || state === "failed")) {
    announce(`${camera.name}: ${WORDS[state]}`);
  }
  showState(place, state);
  place.dataset.id = camera.id ?? "";
  place.dataset.url = camera.url ?? "";
  setText(place.querySelector(".name bdi"), camera.name);
  setText(place.querySelector(".detail"), camera.detail);
  const address = place.querySelector(".address");
  address.hidden = !camera.url;
  setText(address, camera.url ?? "");
  place.querySelector(".badge.representative").hidden = !camera.representative;
  place.querySelector(".badge.unverified").hidden = camera.verified;
  const image = place.querySelector(".frame img");
  const alt = `${place.id === "mine" ? "Live picture" : "Picture"} of ${camera.name}`;
  if (image.alt !== alt) image.alt = alt;
}

/** Leads a link to `url`, or nowhere. */
export function linkTo(link, url) {
  if (!url) link.removeAttribute("href");
  else if (link.href !== url) link.href = url;
}

const stillOf = (url) => (url ? `${url}snapshot.jpg` : null);

/** The tiles of the other cameras. */
export class Tiles {
  #list = document.querySelector("#tiles");
  #prototype = document.querySelector("#tile").content.querySelector(".tile");
  #stills = new Map();

  constructor() {
    for (const tile of this.#list.children) this.#watch(tile);
  }

  /** Where the other cameras were last known to be. */
  get urls() {
    return [...this.#list.children].map((tile) => tile.dataset.url).filter(Boolean);
  }

  show(cameras) {
    const gone = new Set(this.#list.children);
    let at = this.#list.firstElementChild;
    for (const camera of cameras) {
      const tile = this.#find(gone, camera) ?? this.#add(camera);
      gone.delete(tile);
      showCamera(tile, camera);
      linkTo(tile.querySelector(".name a"), camera.url);
      tile.querySelector(".unreached").hidden = Boolean(camera.url);
      this.#stills.get(tile).url = stillOf(camera.url);
      while (at && gone.has(at)) at = at.nextElementSibling;
      if (tile === at) at = at.nextElementSibling;
      else this.#list.insertBefore(tile, at);
    }
    for (const tile of gone) this.#remove(tile);
  }

  /** By identity; an entry that only the router's table knew is found again by its address, or its name. */
  #find(tiles, camera) {
    const all = [...tiles];
    const same = camera.url
      ? (tile) => tile.dataset.url === camera.url
      : (tile) => tile.querySelector(".name bdi").textContent === camera.name;
    return all.find((tile) => camera.id && tile.dataset.id === camera.id)
      ?? all.find((tile) => (!camera.id || !tile.dataset.id) && same(tile));
  }

  #add(camera) {
    const tile = document.importNode(this.#prototype, true);
    tile.dataset.url = camera.url ?? "";
    this.#list.append(tile);
    this.#watch(tile);
    if (!listening()) announce(`${camera.name} has joined`);
    return tile;
  }

  #remove(tile) {
    if (!listening()) announce(`${tile.querySelector(".name").textContent} has left`);
    this.#stills.get(tile).stop();
    this.#stills.delete(tile);
    tile.querySelector("img").src = "";
    tile.remove();
  }

  #watch(tile) {
    const stills = new Stills(tile.querySelector(".frame"), stillOf(tile.dataset.url));
    this.#stills.set(tile, stills);
  }
}
