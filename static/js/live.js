// The manners of polling: none from a hidden tab or while paused, fewer after errors, and a note on how it stands.
// htmx polls by itself; this holds requests back. (Its own trigger filters would need eval, which the CSP forbids.)
(() => {
  "use strict";
  const MOST_SKIPPED = 7;
  const button = document.getElementById("live-state");
  const held = new Map(); // what came for an element that its reader was using, by the element's id
  let paused = false;
  let failures = 0;
  let toSkip = 0;
  let lastContact = null;

  const poller = () => document.querySelector("[data-live]");
  // By its address: once an answer has replaced the poller, htmx tells of the request from another element.
  const isPoll = (event) => event.detail.pathInfo.requestPath.includes("/live/");

  function show(state, text) {
    button.hidden = false;
    button.dataset.state = state;
    button.querySelector(".text").textContent = text;
    button.title = state === "final" ? "" : paused ? gettext("Go on") : gettext("Pause");
  }

  function tell() {
    if (!document.getElementById("poller")) return;
    tellStale();
    if (!poller()) return lastContact ? show("final", gettext("final, not polling")) : undefined;
    if (paused) return show("paused", interpolate(gettext("paused at %s"), [lastContact]));
    if (failures) return show("lost", interpolate(gettext("no contact since %s"), [lastContact]));
    show("live", interpolate(gettext("live, %s"), [lastContact]));
  }

  // One poll may get lost; after two, what is shown may be old, and that is said above it.
  function tellStale() {
    const shown = document.getElementById("stale");
    if (failures < 2 || !poller()) return shown?.remove();
    if (shown) return; // it says since when, and that does not change
    const banner = document.createElement("p");
    banner.id = "stale";
    banner.className = "problem no-contact";
    banner.setAttribute("role", "status");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button small";
    again.textContent = gettext("Try now");
    again.addEventListener("click", wake);
    const words = gettext("No contact with Syncdeck since %s. What you see may have changed.");
    banner.append(interpolate(words, [lastContact]), " ", again);
    document.getElementById("content").prepend(banner);
  }

  function contact() {
    failures = toSkip = 0;
    lastContact = window.syncdeckClock.stamp();
    tell();
  }

  function lost() {
    failures += 1;
    toSkip = Math.min(2 ** failures - 1, MOST_SKIPPED);
    tell();
  }

  function wake() {
    toSkip = 0;
    if (poller()) window.htmx.trigger(poller(), "wake");
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isPoll(event)) return;
    const resting = toSkip > 0 && toSkip--;
    if (document.hidden || paused || resting) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (isPoll(event)) (event.detail.successful ? contact : lost)();
  });
  document.addEventListener("htmx:afterSettle", tell);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
  window.addEventListener("online", wake);

  // Nothing moves under the reader's hands: a line with the focus, an open menu, a tick or selected text stays as it
  // is, and what came for it is put there once they are done. A part of a page waits for selected text alone: the focus
  // and what is open survive its swap.
  const isPart = (element) => element.matches("section[id]");
  const isSteady = (element) => isPart(element) || element.matches("tr, [data-steady]");
  function isInUse(element) {
    const selection = document.getSelection();
    const isRead = selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
    if (isRead || isPart(element)) return isRead;
    return element.contains(document.activeElement) || element.querySelector("details[open], input:checked") !== null;
  }
  function release() {
    held.forEach((next, id) => {
      const element = document.getElementById(id);
      if (element && isInUse(element)) return;
      held.delete(id);
      if (!element) return;
      keepOpen(element, next);
      element.replaceWith(next);
      next.classList.add("changed");
      window.htmx.process(next);
    });
  }
  let releasing = 0;
  function releaseSoon() {
    if (!held.size) return;
    clearTimeout(releasing);
    releasing = setTimeout(release, 50); // the focus is nowhere while it moves
  }
  ["focusout", "selectionchange", "change", "reset", "toggle"].forEach((name) => {
    document.addEventListener(name, releaseSoon, true);
  });
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    held.delete(target.id);
    if (!isSteady(target) || !isInUse(target)) return;
    event.detail.shouldSwap = false;
    const next = fragment.firstElementChild.cloneNode(true);
    next.removeAttribute("hx-swap-oob");
    held.set(target.id, next);
    target.classList.add("held");
  });

  // What the reader has opened stays open when its part of the page is swapped.
  function keepOpen(element, next) {
    element.querySelectorAll("details[open][id]").forEach((open) => {
      const again = next.querySelector(`#${CSS.escape(open.id)}`);
      if (again) again.open = true;
    });
  }
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (!event.detail.shouldSwap) return;
    keepOpen(event.detail.target, event.detail.fragment);
    const row = event.detail.fragment.querySelector("tr");
    if (row) row.classList.add("changed");
  });

  button?.addEventListener("click", () => {
    paused = !paused;
    tell();
    if (!paused) wake();
  });
  document.addEventListener("DOMContentLoaded", () => { if (poller()) contact(); });
})();
