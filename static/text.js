// Writing to the page: only what differs, so that a screen reader, a selection and the layout are
// left alone.

export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function setData(element, key, value) {
  if (element.dataset[key] !== value) element.dataset[key] = value;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function show(element, visible) {
  if (element && element.hidden === visible) element.hidden = !visible;
}

/** Leads a link to `url`, or nowhere. */
export function linkTo(link, url) {
  if (!url) link.removeAttribute("href");
  else if (link.href !== url) link.href = url;
}

/**
 * The address, or the path of this server, as an address if it is http or https, otherwise nothing.
 */
export function webUrl(text) {
  if (!text) return null;
  try {
    const url = new URL(text, location.origin);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
