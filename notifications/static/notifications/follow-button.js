import { submitNatively } from "./http.js";
import { closeMenu } from "./menus.js";
import { whilePending } from "./pending.js";
import { showFailure, showToast, texts } from "./toasts.js";

/** The form of a follow button: sent without leaving the page. */
class FollowForm {
  #form;

  constructor(form) {
    this.#form = form;
  }

  submit(submitter) {
    closeMenu(submitter.closest("details"));
    this.#send(submitter, { level: submitter.value });
  }

  /** `fields` are those of the request; the URL of the button has others. */
  async #send(submitter, fields) {
    const url = submitter.getAttribute("formaction") ?? submitter.form.action;
    const request = { method: "PUT", headers: this.#headers, body: new URLSearchParams(fields) };
    const sent = fetch(url, request).catch(() => null);
    const response = await whilePending(submitter, sent);
    if (response?.ok) this.#onChange(submitter, await response.json());
    else if (response) submitNatively(submitter);
    else showFailure(() => this.#send(submitter, fields));
  }

  get #headers() {
    return { "X-CSRFToken": this.#form.querySelector("[name=csrfmiddlewaretoken]").value };
  }

  /** What takes notifications away can be undone. */
  #onChange(submitter, { level, state, notice, undo }) {
    this.#show(level, state);
    if (!notice || !undo) return;
    const action = () => this.#send(submitter, { undo });
    showToast(notice, { label: texts().textUndo, action });
  }

  #show(level, state) {
    const [main, ...choices] = this.#form.querySelectorAll("[aria-pressed]");
    const { level: before } = main.dataset;
    if (level === before && level !== "mute") return;
    // What the button offers next; it remembers the level that it has ended.
    const kept = before === "mute" ? main.value : before;
    const offered = { none: kept === "watch" ? kept : "follow", mute: kept }[level] ?? "none";
    const shown = state || this.#choice(offered).querySelector("strong").textContent;
    for (const each of choices) each.ariaPressed = each.value === level;
    main.firstElementChild.textContent = shown;
    main.ariaLabel = `${shown} ${this.#form.dataset.name}`;
    main.ariaPressed = level !== "none";
    Object.assign(main.dataset, { level, action: this.#choice(level).dataset.action });
    main.value = offered;
    this.#showState(main);
  }

  /** The button shows what it does only to who points at it anew. */
  #showState(main) {
    main.dataset.changed = "";
    const end = () => delete main.dataset.changed;
    for (const type of ["pointerleave", "blur"]) {
      main.addEventListener(type, end, { once: true });
    }
  }

  #choice(level) {
    return this.#form.querySelector(`[data-state][value=${level}]`);
  }
}

/**
 * Handle the forms of the whole page: in a paragraph, HTML ends the paragraph and with it
 * `<follow-button>` before the form.
 */
export function start() {
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (!form.matches("form.notifications-follow")) return;
    event.preventDefault();
    new FollowForm(form).submit(submitter);
  });
}
