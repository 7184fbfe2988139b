// The page of one run: what is being read is left alone by live updates, and drawings are walked with the arrow keys.
(() => {
  "use strict";

  // A part in which text is selected is not swapped now; it is asked for again, as if the browser did not have it.
  const held = new Set();
  const isPoll = (path) => path.includes("/live/");
  const poller = () => document.querySelector("[data-live]");
  let lastPath = null;

  function isBeingRead(part) {
    const selection = document.getSelection();
    return !selection.isCollapsed && selection.rangeCount > 0 && selection.getRangeAt(0).intersectsNode(part);
  }

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const part = event.detail.target;
    if (part.id === "log-lines") return leaveOutKnownLines(part, event.detail.fragment);
    if (!part.matches("section[id]") || !isBeingRead(part)) return;
    event.detail.shouldSwap = false;
    held.add(part.id);
  });

  document.addEventListener("htmx:configRequest", (event) => {
    if (!isPoll(event.detail.path)) return;
    lastPath = event.detail.path;
    held.forEach((name) => { event.detail.path = event.detail.path.replace(new RegExp(`\\b${name}-\\w+`), `${name}-held`); });
    held.clear();
  });

  // Once the run has ended nothing polls any more: what is held back then is fetched when the selection has gone.
  document.addEventListener("selectionchange", () => {
    if (held.size && !poller() && lastPath && document.getSelection().isCollapsed) {
      window.htmx.ajax("GET", lastPath, { source: "#poller", swap: "none" });
    }
  });

  // The log only grows. A poll brings the last seconds again, for a line may be committed after a later one.
  function leaveOutKnownLines(list, fragment) {
    fragment.querySelectorAll("li[id]").forEach((line) => { if (document.getElementById(line.id)) line.remove(); });
    if (fragment.querySelector("li")) list.querySelector("li.none")?.remove();
  }

  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target?.id !== "log-lines") return;
    const lines = [...event.detail.target.children];
    const time = (line) => line?.querySelector("time")?.dateTime ?? "";
    lines.forEach((line) => {
      let before = line.previousElementSibling;
      if (!time(line) || !(time(before) > time(line))) return;
      while (time(before?.previousElementSibling) > time(line)) before = before.previousElementSibling;
      before.before(line);
    });
  });

  // One tab stop for a drawing; within it the arrow keys.
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  function neighbour(link, [down, across]) {
    const cell = link.closest("td");
    if (cell) {
      const row = cell.parentElement.parentElement.rows[cell.parentElement.sectionRowIndex + down];
      return row?.cells[cell.cellIndex + across]?.querySelector("a.cell");
    }
    const links = [...link.parentElement.querySelectorAll("a")];
    return across ? links[links.indexOf(link) + across] : undefined;
  }

  document.addEventListener("keydown", (event) => {
    const link = event.target.closest("[data-roving] a");
    if (!link || !STEPS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = neighbour(link, STEPS[event.key]);
    event.preventDefault();
    if (!next) return;
    link.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });

  // What a cell says on hover is also read beneath the table, wherever the focus or the pointer is.
  function readOut(event) {
    const cell = event.target.closest?.("a.cell");
    const readout = document.getElementById("readout");
    if (cell && readout) readout.textContent = cell.title;
  }
  document.addEventListener("focusin", readOut);
  document.addEventListener("mouseover", readOut);
})();
