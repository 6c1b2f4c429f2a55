// Publishes to a Thump server by HTTP, with nothing but fetch: in batches, under idempotency keys, until it is kept.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** The most that one request carries. */
const BATCH = 500;
/** The longest pause between two tries, in ms. */
const LONGEST = 10_000;

export class Publisher {
  #waiting = [];
  #sending = false;

  /** `key` is an API key; `tries`, after how many in a row without any answer it gives up. */
  constructor(url, { key, tries = 10 } = {}) {
    this.url = `${url.replace(/\/$/, "")}/publish`;
    this.headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
    this.tries = tries;
  }

  /** Resolves with the cursor once it is kept. In order; what is said meanwhile shares the next request. */
  publish(room, data, event = "message") {
    return new Promise((resolve, reject) => {
      // One key for all tries: an answer that was lost on the way does not make it two.
      this.#waiting.push({ item: { room, event, data, key: randomUUID() }, resolve, reject });
      if (!this.#sending) void this.#drain();
    });
  }

  async #drain() {
    this.#sending = true;
    await undefined; // what is published in this turn goes together
    for (let failures = 0; this.#waiting.length > 0;) {
      const batch = this.#waiting.slice(0, BATCH);
      let pause;
      try {
        pause = this.#settle(batch, await this.#post(batch.map(({ item }) => item)));
        failures = 0;
      } catch (error) {
        failures++;
        if (!(error.retry >= 0) || failures >= this.tries) {
          for (const { reject } of this.#waiting.splice(0, batch.length)) reject(error);
          continue;
        }
        pause = error.retry + Math.random() * Math.min(LONGEST, 100 * 2 ** failures);
      }
      if (pause > 0) await sleep(pause);
    }
    this.#sending = false;
  }

  /** The results of a request; throws an error with `retry` in ms where it may be tried again. */
  async #post(items) {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: this.headers,
      body: JSON.stringify(items),
      signal: AbortSignal.timeout(10_000),
    }).catch((cause) => {
      throw Object.assign(new Error("no answer", { cause }), { retry: 0 });
    });
    // What is not JSON was cut on the way, or is the word of a proxy.
    const said = await answer.json().catch(() => ({}));
    if (said.results) return said.results;
    const again = answer.ok || answer.status === 429 || answer.status >= 500;
    throw Object.assign(new Error(said.detail ?? `HTTP ${answer.status}`), {
      code: said.code,
      ...(again && { retry: Number(answer.headers.get("retry-after") ?? 0) * 1000 }),
    });
  }

  /** Takes what is settled off the queue; from the first item that came too fast on, all wait. Returns for how long. */
  #settle(batch, results) {
    const late = results.findIndex(({ error }) => ["rate", "busy", "unavailable"].includes(error?.code));
    const settled = late < 0 ? batch.length : late;
    this.#waiting.splice(0, settled);
    for (const [i, { resolve, reject }] of batch.slice(0, settled).entries()) {
      const { at, error } = results[i];
      if (error) reject(Object.assign(new Error(error.message), error));
      else resolve(at);
    }
    return late < 0 ? 0 : (results[late].error.retry ?? 1000);
  }
}
