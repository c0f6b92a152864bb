// The controls that the device has (V4L2): brightness and the like, each with the input that fits
// it.

import { Refused, blame, send } from "./forms.js";
import { setText, show } from "./text.js";

const URL = "api/v1/camera/controls";
const SETTLE = 150; // ms: a slider that is being moved is not asked about at every step

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The input that fits a control: a switch, a choice, a button or a slider. */
function inputFor({ kind, name, min, max, step, options }, id) {
  switch (kind) {
    case "boolean": return make("input", { type: "checkbox", id });
    case "menu": return make("select", { id }, ...options.map((option) =>
      new Option(option.name ?? String(option.value), String(option.value))));
    case "button":
      return make("button", { type: "button", id, className: "quiet", textContent: name });
    default: return make("input", { type: "range", id, min, max, step: step || 1 });
  }
}

function write(input, { kind, value, writable }) {
  input.disabled = writable === false;
  if (kind === "boolean") input.checked = Boolean(value);
  else if (kind !== "button") input.value = String(value);
  const shown = document.getElementById(`${input.id}-value`);
  if (shown) setText(shown, String(value));
}

function read(input, { kind }) {
  if (kind === "boolean") return input.checked ? 1 : 0;
  return kind === "button" ? 0 : Number(input.value);
}

function row(control, id) {
  const input = inputFor(control, id);
  input.dataset.control = control.id;
  const problem = make("p", { className: "problem", id: `${id}-problem`, hidden: true });
  input.setAttribute("aria-describedby", problem.id);
  if (control.kind === "button") return make("div", { className: "field" }, input, problem);
  if (control.kind === "boolean") {
    const label = make("label", { className: "check" }, input, ` ${control.name}`);
    return make("div", { className: "field" }, label, problem);
  }
  const label = make("label", { htmlFor: id }, control.name);
  const parts = [label, input];
  if (control.kind !== "menu") {
    parts.splice(1, 0, make("output", { id: `${id}-value`, htmlFor: id }));
  }
  return make("div", { className: "field control" }, ...parts, problem);
}

/** Fills the section with the device's controls, and sets them as they are moved. */
export async function controlling() {
  const section = document.querySelector("#controls-section");
  const place = document.querySelector("#controls");
  let known = [];
  try {
    known = await send("GET", URL);
  } catch (refused) {
    if (refused instanceof Refused) return; // it has none, or is gone: the picture says so
    throw refused;
  }
  if (!Array.isArray(known) || known.length === 0) return;

  const inputs = new Map();
  known.forEach((control, i) => {
    const line = row(control, `control-${i}`);
    place.append(line);
    inputs.set(String(control.id), line.querySelector("[data-control]"));
  });
  const all = (controls) => {
    known = controls;
    for (const control of controls) {
      const input = inputs.get(String(control.id));
      if (input) write(input, control);
    }
  };
  all(known);
  show(section, true);

  async function set(input) {
    const control = known.find(({ id }) => String(id) === input.dataset.control);
    try {
      const value = read(input, control);
      all(await send("PATCH", URL, { controls: [{ id: control.id, value }] }));
      blame(input, null);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      write(input, control);
      blame(input, refused.message);
    }
  }

  const waiting = new Map();
  place.addEventListener("input", ({ target: input }) => {
    const shown = document.getElementById(`${input.id}-value`);
    if (shown) setText(shown, input.value);
    clearTimeout(waiting.get(input));
    waiting.set(input, setTimeout(() => set(input), SETTLE));
  });
  place.addEventListener("click", ({ target }) => {
    if (target.matches("button[data-control]")) set(target);
  });
}
