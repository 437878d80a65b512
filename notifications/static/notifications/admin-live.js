import { Timer } from "./timer.js";

// In milliseconds.
const REQUEST_TIMEOUT = 10_000;

/** `<admin-live>`: updates the stats every `data-interval` ms while it is visible. */
export class AdminLive extends HTMLElement {
  #timer = new Timer(() => this.#refresh());
  #request = null;

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#onVisibilityChange);
    this.#onVisibilityChange();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onVisibilityChange);
    this.#stop();
  }

  #onVisibilityChange = () => {
    this.#stop();
    if (!document.hidden) this.#refresh();
  };

  #stop() {
    this.#timer.stop();
    this.#request?.abort();
  }

  async #refresh() {
    const request = (this.#request = new AbortController());
    const dashboard = await this.#fetch(request).catch(() => null);
    if (request.signal.aborted) return;
    if (dashboard === undefined) return this.#setState(this.dataset.textStopped);
    if (dashboard) this.#show(dashboard);
    this.#setState(dashboard ? this.dataset.textLive : this.dataset.textLost);
    this.#timer.start(Number(this.dataset.interval));
  }

  /** Return the dashboard, null on a failure, undefined when access was lost. */
  async #fetch({ signal }) {
    const response = await fetch(location.href, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT)]),
    });
    // Redirected to the sign-in page, or no longer allowed.
    if (response.redirected || response.status === 403) return undefined;
    return response.ok ? response.json() : null;
  }

  #show({ stats, charts, processes, problems, updated }) {
    setText(this.#part("updated"), updated);
    showStats(this.querySelector("dl"), stats);
    showCharts(this, charts);
    this.#showProcesses(processes);
    this.#showProblems(problems);
  }

  #showProcesses(processes) {
    const body = this.#part("processes");
    for (const row of [...body.rows]) {
      if (!(row.dataset.process in processes)) row.remove();
    }
    Object.entries(processes).forEach(([name, stats], index) => {
      const row = find(body, "process", name) ?? this.#newRow(name);
      if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
      showStats(row, stats);
    });
    this.#part("none").hidden = body.rows.length > 0;
  }

  #newRow(name) {
    const row = this.#part("row").content.firstElementChild.cloneNode(true);
    row.dataset.process = name;
    return row;
  }

  /** Leaves equal problems alone, so that screen readers do not repeat them. */
  #showProblems(problems) {
    const list = this.#part("problems");
    const shown = [...list.children].map((each) => each.textContent);
    if (shown.join("\n") === problems.join("\n")) return;
    list.replaceChildren(...problems.map(listItem));
  }

  #setState(text) {
    setText(this.#part("state"), text);
  }

  #part(name) {
    return find(this, "live", name);
  }
}

function showStats(parent, stats) {
  for (const [key, { text, note, alarm }] of Object.entries(stats)) {
    const element = find(parent, "stat", key);
    setText(find(element, "live", "text"), text);
    setText(find(element, "live", "note"), note);
    element.toggleAttribute("data-alarm", alarm);
  }
}

function showCharts(parent, charts) {
  for (const [key, { line, area, top, text }] of Object.entries(charts)) {
    const element = find(parent, "chart", key);
    find(element, "live", "line").setAttribute("d", line);
    find(element, "live", "area").setAttribute("d", area);
    setText(find(element, "live", "top"), top);
    setText(find(element, "live", "text"), text);
  }
}

function find(parent, name, value) {
  return parent.querySelector(`[data-${name}="${CSS.escape(value)}"]`);
}

function listItem(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

/** Leaves an equal text alone, so that a selection in it stays. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

customElements.define("admin-live", AdminLive);
