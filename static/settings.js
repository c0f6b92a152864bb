// The settings of this camera: each part asks the API for its values, and writes them there.

import { controlling } from "./controls.js";
import { listen } from "./events.js";
import { Refused, blame, send, wire } from "./forms.js";
import { isOver } from "./login.js";
import { demoBar, showNotices } from "./notices.js";
import { passwords } from "./passwords.js";
import { picture } from "./picture.js";
import { localTime, showStanding } from "./standing.js";
import { showStatus } from "./status.js";
import { setText, show } from "./text.js";
import { watch } from "./watch.js";

const page = document.querySelector("#settings");
const locked = document.body.dataset.access !== "admin";

/** Fills a section with what its address answers, or says in it why not. */
async function fill(section, use) {
  const absent = section.querySelector(".absent");
  try {
    use(await send("GET", section.dataset.from));
    show(section.querySelector("form, dl"), true);
    show(absent, false);
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    setText(absent, refused.status === 404 ? "This camera does not offer that." : refused.message);
    show(absent, true);
  }
}

function naming() {
  const input = document.querySelector("#name");
  wire(document.querySelector("#name-form"), async () => {
    const name = input.value.trim();
    const id = encodeURIComponent(page.dataset.id);
    const camera = await send("PATCH", `api/v1/cameras/${id}`, { name });
    input.value = camera?.name ?? name;
    setText(document.querySelector("#whose"), input.value);
    poll();
    return "The name is kept.";
  });
}

/** The switch of ¶84. From outside it asks once more: the page goes with the port. */
function exposing() {
  const form = document.querySelector("#exposure-form");
  const input = document.querySelector("#exposure");
  const words = (on) => {
    for (const line of form.querySelectorAll("[data-when]")) {
      show(line, (line.dataset.when === "on") === on);
    }
  };
  const use = ({ enabled }) => {
    input.checked = enabled;
    words(enabled);
  };
  const submit = wire(form, async () => {
    try {
      const wanted = { enabled: input.checked };
      use((await send("PUT", "api/v1/exposure", wanted)) ?? wanted);
      poll();
      return input.checked ? "It is being made reachable." : "It is on its own network only now.";
    } catch (refused) {
      use({ enabled: !input.checked });
      throw refused;
    }
  });
  const sheet = document.querySelector("#confirm-off");
  sheet.addEventListener("close", () => {
    if (sheet.returnValue === "off") submit();
    else use({ enabled: true });
  });
  input.addEventListener("change", () => {
    if (input.checked || page.dataset.clientNetwork === "lan") {
      submit();
      return;
    }
    sheet.returnValue = "";
    sheet.showModal();
  });
  fill(form.closest("section"), use);
}

function loggingOut() {
  const form = document.querySelector("#logout-form");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    await send("POST", "logout").catch(() => null);
    location.assign("./");
  });
}

const status = () => fill(document.querySelector("#router-heading").closest("section"), showStatus);

function update(answer) {
  showStanding(answer);
  showNotices(answer);
  const me = answer.cameras.find((camera) => camera.self);
  if (!me) return;
  const input = document.querySelector("#name");
  const before = document.querySelector("#whose");
  if (before.textContent !== me.name) {
    const untouched = input.value === before.textContent && document.activeElement !== input;
    if (untouched) input.value = me.name;
    setText(before, me.name);
    document.title = `Settings of ${me.name} · Porthole`;
  }
  // Another camera answers at this address now.
  if (me.id && me.id !== page.dataset.id) location.reload();
}

localTime();
demoBar();
const poll = watch({ show: update, back: () => {}, elsewhere: () => [] });
listen(poll);
for (const input of page.querySelectorAll("input[id]")) input.addEventListener("input", () => {
  if (input.hasAttribute("aria-invalid")) blame(input, null);
});
exposing();
fill(document.querySelector("#picture-form").closest("section"), picture());
controlling();
status();
setInterval(() => {
  if (!document.hidden && !isOver()) status();
}, 10000);
if (!locked) {
  naming();
  passwords();
}
loggingOut();
