// Changing the passwords: everybody else is logged out by it, on every camera of the site.

import { send, wire } from "./forms.js";

/** Listens to the form. */
export function passwords() {
  const form = document.querySelector("#passwords-form");
  wire(form, async () => {
    const { current, admin, viewer } = form.elements;
    const body = { current: current.value };
    if (admin.value) body.admin = admin.value;
    if (viewer.value) body.viewer = viewer.value;
    await send("PUT", "api/v1/passwords", body);
    form.reset();
    return "The passwords are changed. Everybody else has to log in again.";
  });
}
