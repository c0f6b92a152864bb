// Size, rate and quality of the picture, and the sizes and rates that the device offers.

import { send, wire } from "./forms.js";
import { show } from "./text.js";

const NUMBERS = ["width", "height", "fps", "quality"];

const rate = (fps) => Number(fps.toFixed(2));

/** One choice per size and rate, in words, with the numbers that it stands for. */
function choices(modes) {
  return modes.flatMap(({ width, height, fps }) => {
    const size = `${width} × ${height}`;
    const rates = fps?.length ? fps : [null];
    return rates.map((fps) => ({
      text: fps ? `${size}, ${rate(fps)} a second` : size,
      numbers: fps ? { width, height, fps: Math.round(fps) } : { width, height },
    }));
  });
}

/** Listens to the form; returns what puts an answer of the API into it. */
export function picture() {
  const form = document.querySelector("#picture-form");
  const select = form.querySelector("#modes");
  let now = {};
  let offered = [];

  const isChosen = ({ numbers }) =>
    Object.entries(numbers).every(([name, value]) => Number(form.elements[name].value) === value);
  const match = () => { select.value = String(offered.findIndex(isChosen)); };

  function use(answer) {
    now = answer;
    for (const name of NUMBERS) {
      const input = form.elements[name];
      show(input.closest(".field"), typeof answer[name] === "number");
      if (document.activeElement !== input) input.value = answer[name] ?? "";
    }
    offered = choices(answer.modes ?? []);
    const options = offered.map(({ text }, i) => new Option(text, String(i)));
    select.replaceChildren(new Option("another one, as above", "-1"), ...options);
    match();
    show(form.querySelector("#modes-field"), offered.length > 0);
  }

  select.addEventListener("change", () => {
    for (const [name, value] of Object.entries(offered[Number(select.value)]?.numbers ?? {})) {
      form.elements[name].value = value;
    }
  });
  form.addEventListener("input", ({ target }) => {
    if (target !== select) match();
  });
  wire(form, async () => {
    const changed = NUMBERS.filter((name) => form.elements[name].value !== String(now[name] ?? ""));
    if (changed.length === 0) return "Nothing has changed.";
    // What is no number goes as the text that it is, so that the answer says what is wrong with it.
    const value = (text) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
    const entries = changed.map((name) => [name, value(form.elements[name].value)]);
    const patch = Object.fromEntries(entries);
    use(await send("PATCH", "api/v1/camera/settings", patch));
    return "The picture’s settings are kept. Streams begin again with them.";
  });
  return use;
}
