// The sheet in which a camera of the fleet is given another name (¶53): any camera, from this page.

import { blame, send, wire } from "./forms.js";
import { setText } from "./text.js";

/** Opens it for the buttons of the tiles; calls `renamed()` when a camera has its new name. */
export function renaming(renamed) {
  const sheet = document.querySelector("#rename");
  const form = document.querySelector("#rename-form");
  const input = document.querySelector("#rename-name");
  let id = "";

  document.addEventListener("click", ({ target }) => {
    const place = target.closest("button.rename")?.closest("[data-id]");
    if (!place) return;
    id = place.dataset.id;
    const name = place.querySelector(".name bdi").textContent;
    setText(sheet.querySelector("h2 bdi"), name);
    input.value = name;
    blame(input, null);
    setText(form.querySelector(".outcome"), "");
    sheet.showModal();
    input.focus();
    input.select();
  });
  document.querySelector("#rename-cancel").addEventListener("click", () => sheet.close());

  wire(form, async () => {
    await send("PATCH", `api/v1/cameras/${encodeURIComponent(id)}`, { name: input.value.trim() });
    sheet.close();
    renamed();
  });
}
