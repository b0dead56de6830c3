// The lab works without this script: pages refresh themselves or have a link for it, and forms go to the server. With
// it, what changes is fetched and put in place, so that focus, an opened table and a made prediction stay.

const SLOW = 2000; // ms between renewals of the live page: quick enough to follow, slow enough to read
const QUICK = 500; // ms between renewals of a run's progress
const AGAIN = 10000; // ms until a stream that the server refused is tried again

// morph makes old look like fresh and keeps old's elements, with their focus, their scroll position and, where they are
// details, what the reader has opened.
function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  if (!(old instanceof Element)) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const next = [...fresh.childNodes];
  while (old.childNodes.length > next.length) old.lastChild.remove();
  for (const [i, child] of next.entries()) {
    if (i < old.childNodes.length) morph(old.childNodes[i], child);
    else old.append(child);
  }
}

async function text(url) {
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.text();
}

// A renewal calls renew when it is told that something has changed, but at most once in every ms, and neither while
// the page is hidden nor while it is paused. What it is told while renew is under way calls for another one: the answer
// that is on its way may be older, and of the last news there is no next.
class Renewal {
  paused = false;
  #told = false;
  #renew;
  #every;
  #last = 0;
  #timer = 0;

  constructor(renew, every) {
    this.#renew = renew;
    this.#every = every;
  }

  soon() {
    this.#told = true;
    if (this.#timer || this.paused || document.hidden) return;
    this.#timer = setTimeout(async () => {
      this.#told = false;
      try {
        await this.#renew();
      } catch {
        setTimeout(() => this.soon(), AGAIN);
      }
      this.#last = performance.now();
      this.#timer = 0;
      if (this.#told) this.soon();
    }, Math.max(0, this.#last + this.#every - performance.now()));
  }
}

// listen calls heard at each of the server's events. A page that can't be seen holds no stream: the server and the
// browser both have only so many.
function listen(names, heard) {
  let stream;
  let timer;
  const open = () => {
    clearTimeout(timer);
    stream?.close();
    stream = undefined;
    if (document.hidden) return;
    stream = new EventSource("/lab/events");
    for (const name of names) stream.addEventListener(name, heard);
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN);
    });
  };
  document.addEventListener("visibilitychange", () => {
    open();
    if (!document.hidden) heard();
  });
  open();
}

// The live page -----------------------------------------------------------------

function startLive(tools) {
  const live = new Renewal(async () => {
    const holder = document.createElement("template");
    holder.innerHTML = await text(tools.dataset.labTools || "/lab?fragment=1");
    if (live.paused) return;
    for (const fresh of holder.content.querySelectorAll("[data-lab-live]")) {
      const old = document.getElementById(fresh.id);
      if (old) morph(old, fresh);
    }
  }, SLOW);
  const pause = document.createElement("button");
  pause.type = "button";
  pause.className = "quiet";
  pause.textContent = "Pause";
  pause.addEventListener("click", () => {
    live.paused = !live.paused;
    pause.textContent = live.paused ? "Go on" : "Pause";
    live.soon();
  });
  tools.querySelector("a").replaceWith(pause);
  listen(["second", "faults", "mark", "run", "fleet"], () => live.soon());
}

// A run under way ------------------------------------------------------------------

// Its page is fetched again at each news of the run, instead of by the refresh that serves readers without a script.
// When it is over, its result is another page.
function startRun(main) {
  const run = new Renewal(async () => {
    const page = new DOMParser().parseFromString(await text(location.href), "text/html");
    if (page.querySelector("[data-lab-run]")?.dataset.labRun !== main.dataset.labRun) {
      run.paused = true;
      location.reload();
      return;
    }
    const [old, fresh] = [main.querySelector(".run"), page.querySelector(".run")];
    if (old && fresh) morph(old, document.importNode(fresh, true));
  }, QUICK);
  listen(["run"], () => run.soon());
}

// An experiment in an article ---------------------------------------------------------

// Its form is sent without leaving the article, and the page of its run, which
// is where the form leads to without this script, is shown below it.
function startHere(section) {
  const form = section.querySelector("form.params");
  const outcome = section.querySelector("[data-outcome]");
  if (!form || !outcome) return;
  const button = form.querySelector("button");
  let page = ""; // of the run that is shown
  const show = new Renewal(async () => {
    const fresh = new DOMParser().parseFromString(await text(page), "text/html");
    const parts = [...fresh.querySelectorAll(".run, .run ~ .finding[role=note], .run ~ .hint")];
    if (!parts.length) return;
    const holder = document.createElement("div");
    holder.append(...parts.map((p) => document.importNode(p, true)));
    if (outcome.firstElementChild) morph(outcome.firstElementChild, holder);
    else outcome.append(holder);
    if (fresh.querySelector("[data-lab-run]")) return;
    show.paused = true;
    button.disabled = false;
  }, QUICK);
  const say = (words) => {
    const p = document.createElement("p");
    p.className = "problem";
    p.setAttribute("role", "alert");
    p.textContent = words;
    outcome.replaceChildren(p);
    button.disabled = false;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" } });
      const said = await answer.json();
      if (!answer.ok) {
        say(said.error ?? `The lab answered ${answer.status}.`);
        return;
      }
      page = said.page;
      outcome.replaceChildren();
      show.paused = false;
      show.soon();
    } catch {
      say("The lab does not answer. The article is not affected; try again in a moment.");
    }
  });
  outcome.addEventListener("submit", (event) => {
    event.preventDefault(); // the button that stops the run
    fetch("/lab/cancel", { method: "POST", body: new URLSearchParams(new FormData(event.target)), redirect: "manual" }).catch(() => {});
  });
  listen(["run"], () => page && show.soon());
}

const tools = document.querySelector("[data-lab-tools]");
const main = document.querySelector("main[data-lab-run]");
if (tools) startLive(tools);
if (main) startRun(main);
for (const section of document.querySelectorAll("[data-experiment]")) startHere(section);
