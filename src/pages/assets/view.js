// What of a page is shown, and what is said to those who do not see it.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * Shows this view (`data-view`) and hides the others. Where the person has caused it, its heading gets the focus, so
 * that a screen reader begins there.
 */
export function show(name, { focus = true } = {}) {
  for (const view of document.querySelectorAll('[data-view]')) view.hidden = view.dataset.view !== name;
  const view = document.querySelector(`[data-view="${name}"]`);
  const title = view.dataset.title;
  if (title) document.title = title;
  if (focus) view.querySelector('h1')?.focus();
}

/** Text into an element, which is hidden where there is none. */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === '';
}

/** Long enough for a screen reader to see that the words went before they come again. */
const BREATH_MS = 100;

/** Says something once, to screen readers alone: what is seen on the page is elsewhere. */
export function announce(text) {
  $('announcer').textContent = '';
  setTimeout(() => { $('announcer').textContent = text; }, BREATH_MS);
}
