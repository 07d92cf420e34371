// Keeps the page as it is on the server: an event says that something has changed, and the parts marked data-live are fetched
// anew. Without this script every page works as well; it is then as of the moment that its foot names.
(() => {
  "use strict";
  const REST_MS = 800;      // events of a burst are one look
  const PRICES_MS = 20000;  // prices move without an event
  let waiting = null, busy = false, again = false;

  const held = (part) => {
    const focus = document.activeElement;
    const typing = focus && part.contains(focus) && focus.matches("input, select, textarea, summary");
    return typing || part.querySelector("details[open]");
  };

  const put = (part, fresh) => {
    if (part.innerHTML === fresh.innerHTML || held(part)) return;
    const focus = document.activeElement;
    const where = focus && part.contains(focus) && focus.getAttribute("href");
    part.innerHTML = fresh.innerHTML;
    if (where) [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === where)?.focus();
  };

  const look = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") { location.reload(); return; }  // the session has ended
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(part.id);
        if (fresh) put(part, fresh);
      }
    } catch { /* the daemon is away: the next event, or the next look, finds it again */ } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  };

  const soon = () => { waiting ??= setTimeout(() => { waiting = null; look(); }, REST_MS); };

  if (document.querySelector("main [data-live]")) {
    const events = new EventSource("/live");
    events.addEventListener("changed", soon);
    setInterval(() => { if (!document.hidden) soon(); }, PRICES_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
    window.addEventListener("pagehide", () => events.close());
  }

  // A picture is drawn by a process of its own, which a slow machine may take longer for than an answer may take.
  for (const picture of document.querySelectorAll(".chart img")) {
    let times = 0;
    const ask = () => { if (times++ < 5) setTimeout(() => { picture.src = picture.getAttribute("src"); }, 3000); };
    picture.addEventListener("error", ask);
    if (picture.complete && !picture.naturalWidth) ask();
  }

  // A button that was pressed is not pressed twice; the server would not act twice either.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button:not([name])");
    if (button) setTimeout(() => { button.disabled = true; setTimeout(() => { button.disabled = false; }, 5000); }, 0);
  });
})();
