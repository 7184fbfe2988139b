// Small conveniences. Everything here also works without them, as plain links and forms.
(() => {
  "use strict";
  const MENUS = "details:is(.menu, .pop, .rest)[open]";
  const dialog = document.getElementById("dialog");

  // Only once the question has settled: until then htmx moves the focus itself, back to where it has been left from.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target === dialog && !dialog.open) dialog.showModal();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("dialog [data-close]") || event.target === dialog) {
      event.preventDefault();
      dialog.close();
    }
  });

  // A poll that fails is told in the top line; whatever else fails, here.
  const toast = document.getElementById("toast");
  function showFailure(event) {
    if (event.detail.pathInfo.requestPath.includes("/live/") || event.detail.xhr.status < 500 && event.detail.xhr.status) return;
    toast.hidden = false;
    setTimeout(() => { toast.hidden = true; }, 8000);
  }
  document.addEventListener("htmx:sendError", showFailure);
  document.addEventListener("htmx:responseError", showFailure);

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(MENUS).forEach((menu) => {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    });
  });
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("details.menu a, details.pop a"); // it leads elsewhere, or has asked its question
    document.querySelectorAll(MENUS).forEach((menu) => { if (chosen || !menu.contains(event.target)) menu.open = false; });
  });

  // The phone's dock shows the count that the rail has asked for.
  function showCopies(event) {
    const source = document.getElementById(event.detail.target.id); // the target itself is gone after a swap out of band
    document.querySelectorAll(`[data-copy-of="${event.detail.target.id}"]`).forEach((copy) => { copy.innerHTML = source.innerHTML; });
  }
  document.addEventListener("htmx:afterSwap", showCopies);
  document.addEventListener("htmx:oobAfterSwap", showCopies);

  // Copying needs a secure context; without one the buttons stay hidden.
  function showCopyButtons() {
    if (navigator.clipboard) document.querySelectorAll(".copy[hidden]").forEach((button) => { button.hidden = false; });
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });
  document.addEventListener("htmx:oobAfterSwap", showCopyButtons);
  showCopyButtons();
})();
