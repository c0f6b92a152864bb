// What the router says, and how this camera is reached, from /api/v1/status.

import { setText, show } from "./text.js";

const CLASSES = {
  leased:
    "Its port on the router falls free when its lease has run out; then another camera takes over.",
  deletable: "Another camera deletes its port on the router and takes over at once.",
  stuck: "The router keeps its port until somebody deletes the entry in the router’s own pages; "
    + "meanwhile a deputy shows all cameras.",
  unreadable: "The router does not show whose its mappings are. Its port falls free when its lease "
    + "has run out, if it has an end; that only one camera has it rests on the router’s refusals alone.",
};

function routerInWords({ state, name, address, external_address: outside }) {
  switch (state) {
    case "disabled": return "Not used: the settings say router.enabled = false.";
    case "searching": return "None has answered yet; it keeps looking.";
    case "lost": return `${name ?? "The router"} does not answer any more; it keeps asking.`;
    default:
      return `${name ?? "Router"} at ${address}, ${outside ?? "no address"} on the Internet side`;
  }
}

function leaseInWords(lease) {
  if (!lease) return "None";
  const { port, granted_seconds: seconds } = lease;
  return seconds
    ? `${port}, granted for ${seconds} s at a time and renewed in time`
    : `${port}, without an end`;
}

/** Puts it into the list of facts. */
export function showStatus(status) {
  const facts = {
    router: routerInWords(status.router),
    outside: status.external_url ?? "Not reachable from there",
    inside: status.lan_url ?? "No address yet",
    lease: leaseInWords(status.lease),
    class: CLASSES[status.router.class]
      ?? "Not known yet: this router has not shown what it allows.",
    fingerprint: status.tls?.fingerprint ?? "",
    traits: status.router.traits.map(({ words, remedy }) => (remedy ? `${words} ${remedy}` : words)).join("\n"),
    program: `Porthole ${status.version}`,
  };
  for (const [name, text] of Object.entries(facts)) {
    const place = document.querySelector(`[data-fact=${name}]`);
    setText(place, text);
    show(place.closest("div"), text !== "");
  }
}
