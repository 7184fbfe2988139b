// What is written as code: line numbers, the way to a fault's line, and an indentation that goes on in the next line.
// The Tab key is left alone: it leaves the field, as it does everywhere.
(() => {
  "use strict";
  const textarea = document.querySelector(".numbered textarea");
  if (!textarea) return;

  const gutter = document.createElement("pre");
  gutter.className = "gutter";
  gutter.setAttribute("aria-hidden", "true");
  textarea.before(gutter);

  const faultyLines = () => new Set([...document.querySelectorAll("#verdict [data-line]")].map((at) => Number(at.dataset.line)));

  function number() {
    const faulty = faultyLines();
    const count = textarea.value.split("\n").length;
    gutter.textContent = Array.from({ length: count }, (_, index) => `${faulty.has(index + 1) ? "▸" : ""}${index + 1}`).join("\n");
    gutter.scrollTop = textarea.scrollTop;
  }

  function goTo(line) {
    const before = textarea.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    const end = textarea.value.indexOf("\n", before);
    textarea.focus();
    textarea.setSelectionRange(before, end < 0 ? textarea.value.length : end);
    const height = parseFloat(getComputedStyle(textarea).lineHeight);
    textarea.scrollTop = Math.max(0, (line - 1) * height - textarea.clientHeight / 3);
  }

  textarea.addEventListener("input", number);
  textarea.addEventListener("scroll", () => { gutter.scrollTop = textarea.scrollTop; });
  document.addEventListener("htmx:afterSettle", (event) => { if (event.detail.target.id === "verdict") number(); });
  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-line]");
    if (at) goTo(Number(at.dataset.line));
  });

  textarea.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey || event.ctrlKey || event.metaKey) return;
    const line = textarea.value.slice(0, textarea.selectionStart).split("\n").pop();
    const indent = line.match(/^ */)[0];
    if (!indent) return;
    event.preventDefault();
    // The one way to insert a text that Undo takes back.
    document.execCommand("insertText", false, `\n${indent}`);
  });

  number();
})();
