// The login: where to log in and come back to this page, and what to do when it has ended.

let over = false;

/** Whether a request was refused because there is no login any more. */
export const isOver = () => over;

/**
 * The server asked for a login: said once, and everything that asks by itself stops (it listens for
 * the event).
 */
export function ended() {
  if (over) return;
  over = true;
  document.querySelector("#ended").hidden = false;
  document.dispatchEvent(new Event("login-ended"));
}

/** It works again, for instance after a login in another tab. */
export function resumed() {
  if (!over) return;
  over = false;
  document.querySelector("#ended").hidden = true;
  document.dispatchEvent(new Event("login-resumed"));
}

// All pages are in one folder: below a proxy's path the camera knows them without that path.
const page = location.pathname.split("/").pop();
for (const link of document.querySelectorAll("a.login")) {
  link.href = `login?next=${encodeURIComponent(`/${page}`)}`;
}
