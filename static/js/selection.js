// Choosing runs: how many are ticked, all of the page at once, and a bar that is there only when something is chosen.
(() => {
  "use strict";
  const bar = document.getElementById("selection");
  if (!bar) return;
  const all = document.getElementById("pick-all");
  const matching = document.getElementById("all-matching");
  const words = document.getElementById("picked");
  const boxes = () => [...document.querySelectorAll('input[form="selection"][name="run"]')];

  function tell() {
    const shown = boxes();
    const picked = shown.filter((box) => box.checked).length;
    words.textContent = matching.checked ? gettext("All that match") : interpolate(ngettext("%s selected", "%s selected", picked), [picked]);
    bar.hidden = !picked && !matching.checked;
    if (!all) return;
    all.checked = picked > 0 && picked === shown.length;
    all.indeterminate = picked > 0 && picked < shown.length;
  }

  function rise() {
    const rail = document.querySelector(".rail");
    const isBelow = rail && getComputedStyle(rail).position === "fixed";
    bar.style.setProperty("--above", `${isBelow ? rail.offsetHeight + 8 : 0}px`);
  }

  document.addEventListener("change", (event) => {
    if (event.target === all) {
      boxes().forEach((box) => { box.checked = all.checked; });
      window.htmx.trigger(bar.querySelector("[hx-trigger]"), "wanted");
    }
    if (event.target === all || event.target.form === bar) tell();
  });
  bar.addEventListener("reset", () => { setTimeout(tell); });

  window.addEventListener("resize", rise);
  window.addEventListener("pageshow", tell);

  if (all) all.hidden = false;
  bar.querySelector('[type="reset"]').hidden = false;
  rise();
  tell();
})();
