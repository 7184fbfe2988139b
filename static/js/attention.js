// The list stays as it is while somebody reads it: lines change in place, those that are settled fade, and new ones
// are announced. Once nobody has touched it for a while, or on demand, it becomes the new one.
(() => {
  "use strict";
  const UNTOUCHED_AFTER = 30000;
  const list = document.getElementById("concerns");
  const fresh = document.getElementById("fresh");
  const news = document.getElementById("news");
  const dialog = document.getElementById("dialog");
  let touched = 0;
  let pending = false;
  let seen = null;

  const lines = (root) => new Map([...root.querySelectorAll("[data-concern]")].map((line) => [line.dataset.concern, line]));
  const touch = () => { touched = Date.now(); };
  ["pointermove", "pointerdown", "keydown", "scroll"].forEach((kind) => document.addEventListener(kind, touch, { passive: true }));

  function isSelected(element) {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
  }

  const isRead = () => Date.now() - touched < UNTOUCHED_AFTER || list.contains(document.activeElement) || isSelected(list) || dialog.open;
  const isHeld = (line) => line.matches(":hover") || line.contains(document.activeElement) || isSelected(line) || line.querySelector("details[open]");

  function announce(text) {
    document.getElementById("announce").textContent = text;
  }

  function replace() {
    const open = [...list.querySelectorAll("[data-concern]:has(details[open])")].map((line) => line.dataset.concern);
    list.replaceChildren(...fresh.childNodes);
    open.forEach((key) => list.querySelector(`[data-concern="${CSS.escape(key)}"] details`)?.setAttribute("open", ""));
    news.hidden = true;
    pending = false;
  }

  function merge() {
    const [old, now] = [lines(list), lines(fresh)];
    pending = true;
    old.forEach((line, key) => {
      const next = now.get(key);
      line.classList.toggle("gone", !next);
      if (!next || next.dataset.version === line.dataset.version || isHeld(line)) return;
      const copy = next.cloneNode(true);
      line.replaceWith(copy);
      window.htmx.process(copy);
    });
    const added = [...now.keys()].filter((key) => !old.has(key)).length;
    const isOver = old.size > 0 && now.size === 0;
    news.hidden = !added && !isOver;
    news.textContent = isOver ? gettext("All good now: show") : interpolate(gettext("%s new: show"), [added]);
    if (added) announce(interpolate(ngettext("%s new needs attention.", "%s new need attention.", added), [added]));
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    const first = fresh.firstElementChild; // htmx tells of one swap once for each element that it brought
    if (event.detail.target !== fresh || !first || first === seen) return;
    seen = first;
    if (isRead() && lines(list).size) merge();
    else replace();
  });
  news.addEventListener("click", () => {
    replace();
    document.querySelector("#concerns a, #concerns button")?.focus({ preventScroll: true });
  });
  setInterval(() => { if (pending && !document.hidden && !isRead()) replace(); }, 5000);
})();
