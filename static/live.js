// Pictures that keep up: the stream of this camera, and polled stills of the others.
// A frame is an element with one <img> in it. `data-picture` on it says what the image is worth:
// "fresh", "stale" (the last one that came) or "none".

import { isOver } from "./login.js";

const STILL_EVERY = 1000; // ms between the end of one request and the start of the next
const STILL_TIMEOUT = 8000;
const STILL_BACKOFF_MAX = 15000;
const TURNS = 6; // stills asked for at a time
const TURN_FOR = 2000; // how long one that does not come counts among them
const STREAM_START = 8000; // how long a stream may take to show its first picture
const STREAM_CHECK = 3000;
const STREAM_RETRY_MIN = 10000;
const STREAM_RETRY_MAX = 60000;

/** Says what the frame's image is worth now. */
function mark(frame, worth) {
  frame.dataset.picture = worth;
  if (worth === "fresh") frame.dispatchEvent(new Event("picture", { bubbles: true }));
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The same address, but one that no cache has seen. */
export function unseen(url) {
  return `${url}${url.includes("?") ? "&" : "?"}t=${Date.now()}`;
}

/** An address without what is asked of it. */
const placeOf = (url) => url?.split("?")[0] ?? null;

/** Loads `url` into `image`; gives up, and ends the request, after `ms`. */
export function load(image, url, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(reject), ms);
    const end = (settle) => {
      clearTimeout(timer);
      image.onload = image.onerror = null;
      if (settle === reject) image.src = "";
      settle(image);
    };
    image.onload = () => end(resolve);
    image.onerror = () => end(reject);
    image.src = url;
  });
}

/** Puts `next` where the frame's image is; the old one lets go of its request first. */
function replace(frame, next) {
  const old = frame.querySelector("img");
  next.alt = old.alt;
  old.replaceWith(next);
  old.src = "";
  mark(frame, "fresh");
}

function failed(frame) {
  const had = frame.dataset.picture === "fresh" || frame.dataset.picture === "stale";
  mark(frame, had ? "stale" : "none");
}

function blank(frame) {
  const image = frame.querySelector("img").cloneNode(false);
  image.removeAttribute("src");
  image.removeAttribute("loading");
  return image;
}

/**
 * Whose turn it is to ask for a still: so many at a time over all cameras, first come, first
 * served. A camera that is slow to answer (it may be waking) gives its turn up after a while, so
 * that failed ones do not hold up the others.
 */
const turns = {
  free: TURNS,
  waiting: [],
  async take() {
    if (this.free > 0) this.free -= 1;
    else await new Promise((resolve) => this.waiting.push(resolve));
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    };
    setTimeout(release, TURN_FOR);
    return release;
  },
};

const stillsOf = new WeakMap(); // by frame
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const stills = stillsOf.get(target);
    if (stills) stills.seen = isIntersecting;
  }
}, { rootMargin: "200px" });

/**
 * Stills of one camera, one request at a time, about one a second. It asks for nothing while the
 * page is hidden, the frame is scrolled out of sight or the login has ended, so that a camera
 * nobody sees can rest.
 */
export class Stills {
  #frame;
  #url;
  #seen = false;
  #failures = 0;
  #timer = 0;
  #busy = false;
  #stopped = false;
  #again = () => this.#soon(0);

  constructor(frame, url) {
    this.#frame = frame;
    this.#url = url;
    stillsOf.set(frame, this);
    sight.observe(frame);
    document.addEventListener("visibilitychange", this.#again);
    document.addEventListener("login-resumed", this.#again);
  }

  /** Where the stills are; null where there is no way to them. */
  set url(url) {
    const moved = placeOf(url) !== placeOf(this.#url);
    this.#url = url;
    if (!moved) return; // at most the ticket in its query is a newer one
    this.#failures = 0;
    if (!url) failed(this.#frame);
    this.#soon(0);
  }

  /** Whether the frame is on the screen, or nearly. */
  set seen(seen) {
    this.#seen = seen;
    this.#soon(0);
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (stillsOf.get(this.#frame) === this) {
      sight.unobserve(this.#frame);
      stillsOf.delete(this.#frame);
    }
    document.removeEventListener("visibilitychange", this.#again);
    document.removeEventListener("login-resumed", this.#again);
  }

  get #wanted() {
    return this.#url && this.#seen && !this.#stopped && !document.hidden && !isOver();
  }

  #soon(ms) {
    clearTimeout(this.#timer);
    if (this.#wanted) this.#timer = setTimeout(() => this.#take(), ms);
  }

  async #take() {
    if (this.#busy || !this.#wanted) return;
    this.#busy = true;
    const release = await turns.take();
    if (this.#wanted) await this.#load();
    release();
    this.#busy = false;
    const backoff = Math.min(STILL_BACKOFF_MAX, STILL_EVERY * 2 ** this.#failures);
    this.#soon(this.#failures ? backoff : STILL_EVERY);
  }

  async #load() {
    const next = blank(this.#frame);
    try {
      await load(next, unseen(this.#url), STILL_TIMEOUT);
      this.#failures = 0;
      if (!this.#stopped) replace(this.#frame, next);
    } catch {
      this.#failures += 1;
      if (!this.#stopped) failed(this.#frame);
    }
  }
}

/**
 * The stream of this camera. Where it breaks or stalls, stills take over until it can be had again;
 * a page that comes back from the background starts it anew, because Safari stops it there.
 */
export class Stream {
  #frame;
  #stills = null;
  #attempt = 0; // counts starts, so that an older one that ends late is ignored
  #retry = STREAM_RETRY_MIN;
  #last = "";

  constructor(frame) {
    this.#frame = frame;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#fallBack();
      else this.start();
    });
    document.addEventListener("login-ended", () => this.#fallBack());
    document.addEventListener("login-resumed", () => this.start());
    setInterval(() => this.#check(), STREAM_CHECK);
    this.#adopt(frame.querySelector("img"), ++this.#attempt);
  }

  /** Starts the stream anew, for instance because another camera now answers at this address. */
  start() {
    const image = blank(this.#frame);
    image.src = unseen("stream.mjpg");
    this.#adopt(image, ++this.#attempt);
  }

  /**
   * Waits for the first picture of a stream, then shows it; a multipart image tells by its size.
   */
  async #adopt(image, attempt) {
    let broken = false;
    image.onerror = () => {
      broken = true;
      if (image.isConnected && attempt === this.#attempt) this.#failed(attempt);
    };
    const deadline = Date.now() + STREAM_START;
    while (!broken && image.naturalWidth === 0 && Date.now() < deadline) {
      broken = image.complete; // it failed before anybody listened
      if (!broken) await wait(100);
    }
    if (attempt !== this.#attempt) {
      if (!image.isConnected) image.src = "";
      return;
    }
    if (broken || image.naturalWidth === 0) {
      this.#failed(attempt);
      return;
    }
    this.#stills?.stop();
    this.#stills = null;
    this.#last = "";
    this.#retry = STREAM_RETRY_MIN;
    if (image.isConnected) mark(this.#frame, "fresh");
    else replace(this.#frame, image);
  }

  async #failed(attempt) {
    this.#fallBack();
    const delay = this.#retry;
    this.#retry = Math.min(STREAM_RETRY_MAX, delay * 2);
    const fallen = this.#attempt;
    await wait(delay);
    const isNewest = attempt <= fallen && fallen === this.#attempt;
    if (isNewest && !document.hidden && !isOver()) this.start();
  }

  #fallBack() {
    this.#attempt += 1;
    if (this.#stills) return;
    const image = this.#frame.querySelector("img");
    image.onerror = null;
    if (this.#frame.dataset.picture !== "fresh") mark(this.#frame, "none");
    this.#stills = new Stills(this.#frame, "snapshot.jpg");
  }

  /** A stream whose picture stays the same while a still shows another one has stalled. */
  async #check() {
    if (this.#stills || document.hidden || isOver()) return;
    const attempt = this.#attempt;
    const shown = thumbprint(this.#frame.querySelector("img"));
    if (shown !== this.#last || shown === "") {
      this.#last = shown;
      return;
    }
    try {
      const still = await load(new Image(), unseen("snapshot.jpg"), STILL_TIMEOUT);
      const now = thumbprint(this.#frame.querySelector("img"));
      if (attempt === this.#attempt && now === shown && thumbprint(still) !== shown) {
        this.#failed(attempt);
      }
    } catch {
      // No still either: the camera does not answer, which the poll of the fleet notices.
    }
  }
}

/** A few pixels of a picture as text; empty where there is none. */
function thumbprint(image) {
  if (!image.naturalWidth) return "";
  const canvas = document.createElement("canvas");
  canvas.width = 32;
  canvas.height = 18;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height).data.join();
}
