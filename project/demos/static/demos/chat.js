// Shows the lines of a room as they are written, and sends the form without a reload.
// The page's own stream brings them, which its tabs share and which can fall back to polls.

const MOST_LINES = 50;

class ChatRoom extends HTMLElement {
  #log = this.querySelector("[role=log]");
  #list = this.querySelector("ol");
  #form = this.querySelector("form");
  #sending = false;

  connectedCallback() {
    document.addEventListener("notifications:chat_line", this.#onLine);
    document.addEventListener("notifications:reset", this.#reload);
    this.#form.addEventListener("submit", this.#onSubmit);
    this.closest("details")?.addEventListener("toggle", this.#onToggle);
    this.querySelectorAll("time").forEach(showTime);
    this.#showEnd();
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:chat_line", this.#onLine);
    document.removeEventListener("notifications:reset", this.#reload);
  }

  #onLine = ({ detail: line }) => {
    if (!line.topics.includes(this.dataset.notificationsTopic)) return;
    // The page has it already, or the stream is behind the page.
    if (this.#list.querySelector(`[data-uid="${line.uid}"]`)) return;
    const { scrollTop, clientHeight, scrollHeight } = this.#log;
    const atEnd = scrollTop + clientHeight > scrollHeight - 8;
    this.#list.append(newItem(line));
    while (this.#list.children.length > MOST_LINES) this.#list.firstElementChild.remove();
    if (atEnd) this.#showEnd();
    this.#countNew();
  };

  #showEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Says how many lines came while the room was closed. */
  #countNew() {
    const details = this.closest("details");
    const number = details?.querySelector("[data-new]");
    if (number && !details.open) number.textContent = Number(number.textContent) + 1;
  }

  #onToggle = ({ target }) => {
    if (!target.open) return;
    target.querySelector("[data-new]").textContent = "";
    this.#showEnd();
  };

  /** Lines were missed that the server still has. */
  #reload = async () => {
    const response = await fetch(this.#form.action).catch(() => null);
    if (!response?.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    this.#list.replaceChildren(...page.querySelectorAll("chat-room li"));
    this.#list.querySelectorAll("time").forEach(showTime);
    this.#showEnd();
  };

  #onSubmit = async (event) => {
    if (event.submitter?.name === "rename") return;
    event.preventDefault();
    if (this.#sending) return;
    this.#sending = true;
    const reply = await send(this.#form);
    this.#sending = false;
    const { failed } = this.#form.dataset;
    this.querySelector("[role=alert]").textContent = reply ? reply.problem : failed;
    if (reply && !reply.problem) this.#onSent(reply.name);
  };

  #onSent(name) {
    const { text } = this.#form.elements;
    text.value = "";
    text.focus();
    this.querySelector("[data-name]")?.remove();
    const who = this.querySelector("[data-who]");
    if (!who) return;
    who.textContent = name;
    who.closest("p").hidden = false;
  }
}

/** Return the reply, or null without one. */
async function send(form) {
  const headers = { Accept: "application/json" };
  const options = { method: "POST", body: new FormData(form), headers };
  const response = await fetch(form.action, options).catch(() => null);
  return response?.json().catch(() => null);
}

function newItem({ uid, created, name, text }) {
  const item = document.createElement("li");
  item.dataset.uid = uid;
  const time = document.createElement("time");
  time.dateTime = created;
  showTime(time);
  const speaker = document.createElement("b");
  speaker.append(isolated(name), ":");
  item.append(time, " ", speaker, " ", isolated(text));
  return item;
}

/** Text may be in a script from the right. */
function isolated(text) {
  const found = document.createElement("bdi");
  found.textContent = text;
  return found;
}

/** Show a time as it is where the reader is. */
function showTime(time) {
  time.textContent = `[${new Date(time.dateTime).toTimeString().slice(0, 8)}]`;
}

customElements.define("chat-room", ChatRoom);
