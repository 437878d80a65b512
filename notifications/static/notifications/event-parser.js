const DIGITS = /^[0-9]+$/;
// A carriage return at the end may be the first half of a line end.
const LINE_END = /\r\n|\n|\r(?=[^])/;

/**
 * Parses the text of an event stream, as it arrives.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventParser {
  lastEventId = "";
  // In milliseconds, once the stream has said it.
  retry = null;
  #id = "";
  #type = "";
  #data = [];
  #rest = "";

  /** Yield the events that are complete: their type, data and last id. */
  *feed(text) {
    const lines = (this.#rest + text).split(LINE_END);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line) this.#take(line);
      else yield* this.#dispatch();
    }
  }

  /** Drop what is incomplete: the next text is that of another stream. */
  restart() {
    this.#rest = this.#type = "";
    this.#data = [];
    this.#id = this.lastEventId;
  }

  #take(line) {
    const [, name, value] = line.match(/^([^:]*):? ?(.*)$/s);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && DIGITS.test(value)) this.retry = Number(value);
  }

  *#dispatch() {
    const [type, data] = [this.#type || "message", this.#data];
    this.lastEventId = this.#id;
    this.#type = "";
    this.#data = [];
    if (data.length) yield { type, data: data.join("\n"), lastEventId: this.lastEventId };
  }
}
