// Times count on in the browser, from the server's stamps and its clock. Written as the server writes them.
(() => {
  "use strict";
  const root = document.documentElement;
  const offset = Date.parse(root.dataset.now) - Date.now();
  const now = () => Date.now() + offset;

  // As the filter `duration` in dashboard/durations.py.
  function duration(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
    if (days) return interpolate(gettext("%sd %sh"), [days, hours % 24]);
    if (hours) return interpolate(gettext("%sh %sm"), [hours, minutes % 60]);
    return minutes ? interpolate(gettext("%sm %ss"), [minutes, seconds % 60]) : interpolate(gettext("%ss"), [seconds]);
  }

  // As `relative` there; null where it writes a date, which the server has done already.
  function relative(milliseconds) {
    const seconds = Math.floor(Math.abs(milliseconds) / 1000);
    if (seconds >= 86400) return null;
    if (seconds < 5) return gettext("just now");
    const isPast = milliseconds > 0;
    if (seconds < 60) return interpolate(isPast ? gettext("%s s ago") : gettext("in %s s"), [seconds]);
    if (seconds < 3600) return interpolate(isPast ? gettext("%s min ago") : gettext("in %s min"), [Math.floor(seconds / 60)]);
    return interpolate(isPast ? gettext("%s h ago") : gettext("in %s h"), [Math.floor(seconds / 3600)]);
  }

  function write(element, text) {
    if (text !== null && element.textContent !== text) element.textContent = text;
  }

  function tick() {
    document.querySelectorAll("[data-since]").forEach((element) => {
      write(element, duration(now() - Date.parse(element.dataset.since)));
    });
    document.querySelectorAll("time.when").forEach((element) => {
      write(element, relative(now() - Date.parse(element.dateTime)));
    });
  }

  const inZone = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: root.dataset.timeZone });
  window.syncdeckClock = { stamp: () => inZone.format(now()) };

  setInterval(() => { if (!document.hidden) tick(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
})();
