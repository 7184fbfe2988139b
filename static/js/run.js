// The page of one run: its log grows line by line, and its drawings are walked with the arrow keys.
(() => {
  "use strict";

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id === "log-lines") leaveOutKnownLines(event.detail.target, event.detail.fragment);
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
