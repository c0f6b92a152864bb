// The cameras on the page, brought in line with what /api/v1/cameras says: in place, without a reload.

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

/** Says a change to those who do not see it. */
export function announce(text) {
  setText(document.querySelector("#changes"), text);
}

/** Writes one camera of the answer into its place on the page. */
export function showCamera(place, camera) {
  const state = WORDS[camera.state] ? camera.state : "unknown";
  if (place.dataset.state !== state) {
    if (place.dataset.state === "failed" || state === "failed") {
      announce(`${camera.name}: ${WORDS[state]}`);
    }
    place.dataset.state = state;
  }
  place.dataset.id = camera.id ?? "";
  place.dataset.url = camera.url;
  setText(place.querySelector(".name bdi"), camera.name);
  setText(place.querySelector(".word"), WORDS[state]);
  setText(place.querySelector(".detail"), camera.detail);
  setText(place.querySelector(".address"), camera.url);
  place.querySelector(".badge.representative").hidden = !camera.representative;
  place.querySelector(".badge.unverified").hidden = camera.verified;
  const image = place.querySelector(".frame img");
  const alt = `${place.id === "mine" ? "Live picture" : "Picture"} of ${camera.name}`;
  if (image.alt !== alt) image.alt = alt;
}

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
    return [...this.#list.children].map((tile) => tile.dataset.url);
  }

  show(cameras) {
    const gone = new Set(this.#list.children);
    let at = this.#list.firstElementChild;
    for (const camera of cameras) {
      const tile = this.#find(gone, camera) ?? this.#add(camera);
      gone.delete(tile);
      showCamera(tile, camera);
      const link = tile.querySelector(".name a");
      if (link.href !== camera.url) link.href = camera.url;
      this.#stills.get(tile).url = `${camera.url}snapshot.jpg`;
      while (at && gone.has(at)) at = at.nextElementSibling;
      if (tile === at) at = at.nextElementSibling;
      else this.#list.insertBefore(tile, at);
    }
    for (const tile of gone) this.#remove(tile);
  }

  /** By identity; an entry that only the router's table knew is found again by its address. */
  #find(tiles, camera) {
    const all = [...tiles];
    return all.find((tile) => camera.id && tile.dataset.id === camera.id)
      ?? all.find((tile) => (!camera.id || !tile.dataset.id) && tile.dataset.url === camera.url);
  }

  #add(camera) {
    const tile = document.importNode(this.#prototype, true);
    tile.querySelector("img").removeAttribute("src");
    tile.dataset.url = camera.url;
    this.#list.append(tile);
    this.#watch(tile);
    announce(`${camera.name} has joined`);
    return tile;
  }

  #remove(tile) {
    announce(`${tile.querySelector(".name").textContent} has left`);
    this.#stills.get(tile).stop();
    this.#stills.delete(tile);
    tile.querySelector("img").src = "";
    tile.remove();
  }

  #watch(tile) {
    const stills = new Stills(tile.querySelector(".frame"), `${tile.dataset.url}snapshot.jpg`);
    this.#stills.set(tile, stills);
  }
}
