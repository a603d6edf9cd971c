// What of a page is shown, and what is said to those who do not see it.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * Shows this view (`data-view`) and hides the others. Where the person has caused it, or was in a view that is now
 * hidden, its heading gets the focus, so that a screen reader begins there.
 */
export function show(name, { focus = true } = {}) {
  const left = document.activeElement.closest('[data-view]');
  for (const view of document.querySelectorAll('[data-view]')) view.hidden = view.dataset.view !== name;
  const view = document.querySelector(`[data-view="${name}"]`);
  const title = view.dataset.title;
  if (title) document.title = title;
  if (focus || left?.hidden) view.querySelector('h1')?.focus();
}

/** Text into an element, which is hidden where there is none. */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === '';
}

/** Says something once, to screen readers alone: what is seen on the page is elsewhere. */
export function announce(text) {
  const announcer = $('announcer');
  // The same words a second time would be no change, and not be said.
  announcer.textContent = text !== '' && announcer.textContent === text ? `${text}\u00a0` : text;
}
