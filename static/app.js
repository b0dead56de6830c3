// Afloat's pages work without this script. It adds the key x for the X-ray,
// the comment form in place, and the fault bar.

const lab = document.body.dataset;

// The page's own links are ordinary ones; a failed fetch falls back to them.
async function fragment(url, options) {
  const answer = await fetch(url, { cache: "no-store", ...options });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  return holder.content;
}

// A wide table or code block scrolls inside itself, so the keyboard must reach it.
for (const el of document.querySelectorAll(".prose pre, .prose table, .said pre")) {
  if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (lab.xrayUrl) location.assign(lab.xrayUrl);
});

// Comment form ---------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-comment-form]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  try {
    const form = await fragment(`${link.pathname}?fragment=1`);
    link.parentElement.after(form);
  } catch {
    location.assign(link.href);
    return;
  }
  link.ariaBusy = "false";
  link.parentElement.hidden = true;
  const panel = document.querySelector("[data-comment-panel]");
  const close = () => {
    panel.remove();
    link.parentElement.hidden = false;
    link.focus();
  };
  panel.addEventListener("keydown", (e) => e.key === "Escape" && close());
  panel.querySelector("[data-comment-cancel]").addEventListener("click", (e) => {
    e.preventDefault();
    close();
  });
  panel.querySelector("[name=author]").focus();
});

// Fault bar ------------------------------------------------------------------

const OPEN = "fault-bar-open";
const SOON = 1000; // ms between polls while the bar is open or a fault is on
const LATER = 5000; // ms between polls otherwise
const SETTLE = 400; // ms a choice by arrow keys must stand before it is sent: they pass over others

let panel; // where the fragment lives: the fixed panel, or the page of its own
let source; // URL of the fragment
let toggle; // the tab that opens the panel; none on the page of its own
let timer; // of the next poll
let leaving = false; // the page is going: nothing may lead elsewhere
const settling = new Map(); // form → timer of a choice that must stand, or 0 once it is on its way to the server

const isOpen = () => !toggle || toggle.ariaExpanded === "true";

// merge takes a newer fragment in without moving focus: only live text and
// the choice that is on change.
function merge(fresh) {
  const bar = panel.querySelector("[data-faultbar]");
  if (!bar) {
    panel.replaceChildren(fresh);
    return;
  }
  bar.classList.remove("lost");
  for (const next of fresh.querySelectorAll("[data-live]")) {
    const old = document.getElementById(next.id);
    if (old && !old.isEqualNode(next)) {
      old.replaceChildren(...next.childNodes);
      if (next.dataset.on) old.dataset.on = next.dataset.on;
    }
  }
  if (settling.size) return;
  for (const next of fresh.querySelectorAll("input[type=radio]")) {
    const old = document.getElementById(next.id);
    if (old) old.checked = next.checked;
  }
}

// weather shows on the waterline what the bar knows. Faults are announced when
// they begin or end, not at every tick of their clocks.
function weather() {
  const now = panel.querySelector("#fault-now");
  const line = document.querySelector("[data-weather]");
  if (!now || !line) return;
  const faults = [...now.children];
  document.querySelector("[data-waterline]").dataset.flooded = Math.min(faults.length, 3);
  if (line.children.length !== faults.length || faults.some((f, i) => f.firstChild.data !== line.children[i].firstChild.data)) {
    line.replaceChildren(...faults.map((f) => f.cloneNode(true)));
  } else {
    for (const [i, fault] of faults.entries()) {
      line.children[i].replaceChildren(...[...fault.childNodes].map((n) => n.cloneNode(true)));
    }
  }
  if (toggle) toggle.textContent = faults.length ? `${faults.length} ${faults.length === 1 ? "fault" : "faults"} on` : toggle.dataset.calm;
}

async function poll() {
  clearTimeout(timer);
  if (!document.hidden) {
    try {
      merge(await fragment(source));
      weather();
    } catch {
      panel.querySelector("[data-faultbar]")?.classList.add("lost");
    }
  }
  clearTimeout(timer);
  const busy = isOpen() || panel.querySelector("#fault-now[data-on=true]");
  timer = setTimeout(poll, busy ? SOON : LATER);
}

// send begins the request at once and keepalive finishes it, so that a choice
// counts even if the page is left in the same moment.
async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  clearTimeout(settling.get(form));
  settling.set(form, 0);
  try {
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true });
    if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(`answered ${answer.status}`);
  } catch {
    if (!leaving) form.submit(); // the page without script says what is wrong
    return;
  } finally {
    settling.delete(form);
  }
  poll();
}

// Whether the bar is open is kept from page to page, where the browser keeps anything.
function remember(open) {
  try {
    sessionStorage.setItem(OPEN, open ? "1" : "");
  } catch {
    // then the next page begins with the bar closed
  }
}

function wasOpen() {
  try {
    return sessionStorage.getItem(OPEN) === "1";
  } catch {
    return false;
  }
}

function setOpen(open) {
  toggle.ariaExpanded = String(open);
  panel.hidden = !open;
  remember(open);
  if (open) poll();
}

function startBar() {
  const holder = document.querySelector("[data-lab-bar]");
  if (holder) {
    const link = holder.querySelector("[data-bar-toggle]");
    panel = holder.querySelector("[data-panel]");
    source = link.dataset.src;
    toggle = document.createElement("button");
    toggle.type = "button";
    toggle.className = link.className;
    toggle.textContent = link.textContent;
    toggle.dataset.calm = document.body.classList.contains("naive") ? "Faults" : "Break something";
    toggle.setAttribute("aria-controls", panel.id);
    link.replaceWith(toggle);
    toggle.addEventListener("click", () => setOpen(panel.hidden));
    holder.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || panel.hidden) return;
      setOpen(false);
      toggle.focus();
    });
    // The page keeps room for the bar, so that no text is ever covered.
    new ResizeObserver(() => {
      document.documentElement.style.setProperty("--bar", `${holder.offsetHeight}px`);
    }).observe(holder);
    setOpen(wasOpen());
  } else {
    const bar = document.querySelector("[data-faultbar]");
    if (!bar) return;
    panel = bar.parentElement;
    const back = bar.querySelector("input[name=back]");
    source = `/lab/bar?fragment=1&back=${encodeURIComponent(back ? back.value : "/")}`;
  }
  panel.addEventListener("change", (event) => {
    const form = event.target.closest("[data-fault-form]");
    if (!form) return;
    if (!event.target.matches(":focus-visible")) {
      send(form);
      return;
    }
    clearTimeout(settling.get(form));
    settling.set(form, setTimeout(send, SETTLE, form));
  });
  panel.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-fault-form]")) return;
    event.preventDefault();
    send(event.target);
  });
  addEventListener("pagehide", () => {
    leaving = true;
    for (const [form, timer] of settling) if (timer) send(form);
  });
  addEventListener("pageshow", () => (leaving = false));
  document.addEventListener("visibilitychange", () => document.hidden || poll());
  poll();
}

document.documentElement.classList.add("js");
if ("lab" in lab) startBar();
