// Single keys that do what a link or a box of the page does. Listed on /shortcuts/, switched off in the settings.
(() => {
  "use strict";
  const ROWS = "table.list tbody tr, .stream li.concern";
  const WAIT = 1500; // milliseconds between `g` and the letter of a place
  let lastRow = null; // its id, or its number where rows have none: a live swap replaces the row itself
  let goingSince = -Infinity;

  const off = () => document.documentElement.dataset.shortcuts === "off";
  const typing = (target) => target.closest?.("textarea, select, dialog, [contenteditable], input:not([type=checkbox], [type=radio])");
  const say = (words) => { document.getElementById("announce").textContent = words; };

  const rows = () => [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
  const opener = (row) => [...row.querySelectorAll("a[href], summary")].find((part) => part.checkVisibility()) || row;
  const focusedRow = () => document.activeElement?.closest(ROWS);

  function current(all) {
    const row = focusedRow() || document.getElementById(lastRow) || all[lastRow];
    return all.includes(row) ? row : null;
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current(all));
    const row = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    const target = opener(row);
    if (target === row) row.tabIndex = -1;
    target.focus({ focusVisible: true });
    lastRow = row.id || all.indexOf(row);
  }

  function select() {
    const box = current(rows())?.querySelector("input[type=checkbox]");
    box ? box.click() : say(gettext("There is nothing to select here."));
  }

  // The row's own link in a list; the page's on the page of a run. The link asks before anything is done.
  function follow(...selectors) {
    const all = rows();
    const place = focusedRow() || (/^\/runs\/[0-9a-f-]{36}\/$/.test(location.pathname) ? document.querySelector("main") : current(all));
    const link = place && selectors.map((selector) => place.querySelector(selector)).find(Boolean);
    link ? link.click() : say(gettext("That is not possible here."));
  }

  function go(letter) {
    const link = document.querySelector(`.rail a[data-key="${CSS.escape(letter)}"]`);
    link ? link.click() : say(interpolate(gettext("No place has the key %s."), [letter]));
  }

  const KEYS = {
    "/": () => document.getElementById("search")?.focus(),
    "?": () => document.querySelector("a[data-shortcuts]")?.click(),
    j: () => move(1),
    k: () => move(-1),
    x: select,
    s: () => follow('a[href$="/stop/"]'),
    r: () => follow('a[href$="/rerun/"]', 'a[href*="/rerun/"]'),
    g: (event) => { goingSince = event.timeStamp; },
  };

  document.addEventListener("keydown", (event) => {
    if (off() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const going = event.timeStamp - goingSince < WAIT;
    goingSince = -Infinity;
    const act = going && event.key.length === 1 ? () => go(event.key) : Object.hasOwn(KEYS, event.key) && KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
})();
