// Progress through the lessons: which were opened, and which their reader says are done. It is kept in this browser's
// localStorage and sent nowhere. Without storage, or without this script, nothing of it is shown, and nothing is lost.

const KEY = "afloat-lessons"; // {"slug": "begun" or "done"}
const BEGUN = "begun";
const DONE = "done";

// kept is the storage, or null where the browser has none to give: it may be switched off, full or forbidden.
const kept = (() => {
  try {
    localStorage.setItem(`${KEY}-try`, "1");
    localStorage.removeItem(`${KEY}-try`);
    return localStorage;
  } catch {
    return null;
  }
})();

// What is in the storage may be anything: another release's, or somebody's experiment.
function read() {
  try {
    const all = JSON.parse(kept.getItem(KEY));
    return Object.fromEntries(Object.entries(all).filter(([, state]) => state === BEGUN || state === DONE));
  } catch {
    return {};
  }
}

function write(progress) {
  try {
    if (Object.keys(progress).length) kept.setItem(KEY, JSON.stringify(progress));
    else kept.removeItem(KEY);
    return true;
  } catch {
    return false;
  }
}

function set(slug, state) {
  const progress = read();
  progress[slug] = state;
  return write(progress);
}

const button = document.querySelector("[data-done] button");
const own = button?.closest("[data-done]").dataset.done;

function show() {
  const progress = read();
  for (const mark of document.querySelectorAll("[data-progress]")) {
    const state = progress[mark.dataset.progress] ?? "";
    mark.dataset.state = state;
    mark.textContent = state && `${mark.closest("nav") ? ", " : ""}${state}`;
  }
  button?.setAttribute("aria-pressed", String(progress[own] === DONE));
  const panel = document.querySelector("[data-progress-panel]");
  if (!panel) return;
  panel.hidden = false;
  const slugs = [...document.querySelectorAll("[data-progress]")].map((mark) => mark.dataset.progress);
  const count = (state) => slugs.filter((slug) => progress[slug] === state).length;
  const sum = panel.querySelector("[data-progress-sum]");
  const says = `${count(DONE)} of ${slugs.length} done, ${count(BEGUN)} begun.`;
  if (sum.textContent !== says) sum.textContent = says; // it is read out when it changes
  panel.querySelector("[data-progress-forget]").disabled = count(DONE) + count(BEGUN) === 0;
}

if (kept) {
  if (own) {
    if (!read()[own]) set(own, BEGUN);
    button.parentElement.hidden = false;
    button.addEventListener("click", () => {
      const undo = read()[own] === DONE;
      const says = document.querySelector("[data-done-says]");
      says.textContent = set(own, undo ? BEGUN : DONE) ? "Only this browser remembers it." : "This browser could not keep it.";
      show();
    });
  }
  document.querySelector("[data-progress-forget]")?.addEventListener("click", () => {
    write({});
    show();
  });
  addEventListener("storage", (event) => event.key === KEY && show());
  addEventListener("pageshow", show); // back and forward keep a page as it was
  show();
}
