import { Timer } from "./timer.js";

// A site that has not replied after so many milliseconds is asked anew.
const PATIENCE = 10_000;

/** `<admin-live>`: shows the stats of its page anew, every so often while it is seen. */
export class AdminLive extends HTMLElement {
  #timer = new Timer(() => this.#refresh());
  #asking = null;

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#seen);
    this.#seen();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#seen);
    this.#stop();
  }

  #seen = () => {
    this.#stop();
    if (!document.hidden) this.#refresh();
  };

  #stop() {
    this.#timer.stop();
    this.#asking?.abort();
  }

  async #refresh() {
    const asking = (this.#asking = new AbortController());
    const page = await this.#fetch(asking).catch(() => null);
    if (asking.signal.aborted) return;
    if (page === undefined) return this.#say(this.dataset.textStopped);
    if (page) this.#show(page);
    this.#say(page ? this.dataset.textLive : this.dataset.textLost);
    this.#timer.start(Number(this.dataset.every));
  }

  /** Returns the stats, null where they cannot be had now, or else undefined. */
  async #fetch({ signal }) {
    const response = await fetch(location.href, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    // To the page for signing in, or not allowed any more.
    if (response.redirected || response.status === 403) return undefined;
    return response.ok ? response.json() : null;
  }

  #show({ stats, processes, problems, updated }) {
    write(this.#part("updated"), updated);
    showFigures(this.querySelector("dl"), stats);
    this.#showProcesses(processes);
    this.#showProblems(problems);
  }

  #showProcesses(processes) {
    const body = this.#part("processes");
    for (const row of [...body.rows]) {
      if (!(row.dataset.process in processes)) row.remove();
    }
    Object.entries(processes).forEach(([name, cells], place) => {
      const row = find(body, "process", name) ?? this.#newRow(name);
      if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null);
      showFigures(row, cells);
    });
    this.#part("none").hidden = body.rows.length > 0;
  }

  #newRow(name) {
    const row = this.#part("row").content.firstElementChild.cloneNode(true);
    row.dataset.process = name;
    return row;
  }

  /** What is said already stays as it is, so that it is not read out again. */
  #showProblems(problems) {
    const list = this.#part("problems");
    const said = [...list.children].map((each) => each.textContent);
    if (said.join("\n") === problems.join("\n")) return;
    list.replaceChildren(...problems.map(item));
  }

  #say(text) {
    write(this.#part("state"), text);
  }

  #part(name) {
    return find(this, "live", name);
  }
}

function showFigures(parent, stats) {
  for (const [key, { text, note, alarm }] of Object.entries(stats)) {
    const place = find(parent, "figure", key);
    write(find(place, "live", "text"), text);
    write(find(place, "live", "note"), note);
    place.toggleAttribute("data-alarm", alarm);
  }
}

function find(parent, name, value) {
  return parent.querySelector(`[data-${name}="${CSS.escape(value)}"]`);
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

/** A text that is the same is left alone, with what somebody has selected of it. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

customElements.define("admin-live", AdminLive);
