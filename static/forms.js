// Forms that write over the API: one request at a time, and what is wrong is said beside the field
// it is about.

import { ended } from "./login.js";
import { setText } from "./text.js";

const TIMEOUT = 15000; // a camera that is down is given up after less (504)

/** A request that came to nothing, in the words of the refusal. */
export class Refused extends Error {
  constructor(words, status, field) {
    super(words);
    this.status = status;
    this.field = field; // which one it is about, where the answer says so
  }
}

/** Sends `body` as JSON; returns what is answered, or throws `Refused`. */
export async function send(method, url, body) {
  let response;
  try {
    response = await fetch(url, {
      method,
      cache: "no-store",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch {
    throw new Refused("This camera does not answer. Try again in a moment.", 0);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  if (response.status === 401 && !answer?.field) ended();
  const words = answer?.detail ?? `This camera answers ${response.status} ${response.statusText}.`;
  throw new Refused(words.charAt(0).toUpperCase() + words.slice(1), response.status, answer?.field);
}

/** Says what is wrong with `input`, or that nothing is. */
export function blame(input, words) {
  const place = document.getElementById(`${input.id}-problem`);
  setText(place, words ?? "");
  place.hidden = !words;
  if (words) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

const fieldsOf = (form) =>
  [...form.elements].filter((input) => document.getElementById(`${input.id}-problem`));

/**
 * The field that a refusal is about: as the answer says, else the one its words begin with or name,
 * else none.
 */
function culprit(fields, refused) {
  const named = fields.find((input) => input.name === refused.field);
  if (named || fields.length === 1) return named ?? fields[0];
  return fields.find((input) => new RegExp(`\\b${input.name}\\b`, "i").test(refused.message));
}

/**
 * Has `submit(form)` done when the form is sent. It returns what to say when it is done, or throws
 * `Refused`; then the words stand beside the field, and the field has the focus.
 */
export function wire(form, submit) {
  const outcome = form.querySelector(".outcome");
  const buttons = () => [...form.querySelectorAll("button[type=submit]")];
  let busy = false;

  async function sent() {
    if (busy) return;
    busy = true;
    form.setAttribute("aria-busy", "true");
    for (const button of buttons()) button.setAttribute("aria-disabled", "true");
    const fields = fieldsOf(form);
    for (const input of fields) blame(input, null);
    setText(outcome, "");
    outcome.removeAttribute("data-level");
    try {
      setText(outcome, (await submit(form)) ?? "");
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      const input = culprit(fields, refused);
      if (input) {
        blame(input, refused.message);
        input.focus();
        input.select?.();
      } else {
        outcome.dataset.level = "warning";
        setText(outcome, refused.message);
      }
    } finally {
      busy = false;
      form.removeAttribute("aria-busy");
      for (const button of buttons()) button.removeAttribute("aria-disabled");
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sent();
  });
  return sent;
}
