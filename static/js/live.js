// The manners of polling: none from a hidden tab or while paused, fewer after errors, and a note on how it stands.
// htmx polls by itself; this holds requests back. (Its own trigger filters would need eval, which the CSP forbids.)
(() => {
  "use strict";
  const MOST_SKIPPED = 7;
  const button = document.getElementById("live-state");
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
    button.title = state === "final" ? "" : paused ? "Go on" : "Pause";
  }

  function tell() {
    if (!document.getElementById("poller")) return;
    if (!poller()) return lastContact ? show("final", "final, not polling") : undefined;
    if (paused) return show("paused", `paused at ${lastContact}`);
    if (failures) return show("lost", `no contact since ${lastContact}`);
    show("live", `live, ${lastContact}`);
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

  // What the reader has opened stays open when its part of the page is swapped.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    event.detail.target.querySelectorAll("details[open][id]").forEach((open) => {
      const next = event.detail.fragment.querySelector(`#${CSS.escape(open.id)}`);
      if (next) next.open = true;
    });
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
