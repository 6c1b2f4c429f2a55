// Publishes to a Thump server with fetch, in batches with idempotency keys. Retries until each item is stored.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Maximum number of items per request. */
const BATCH = 500;
/** Maximum pause between attempts, in ms. */
const LONGEST = 10_000;

export class Publisher {
  #waiting = [];
  #sending = false;

  /** `key` is an API key. The publisher gives up after `tries` consecutive requests without a response. */
  constructor(url, { key, tries = 10 } = {}) {
    this.url = `${url.replace(/\/$/, "")}/publish`;
    this.headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
    this.tries = tries;
  }

  /** Resolves with the item's cursor once the item is stored. Sends items in order; waiting items share a request. */
  publish(room, data, event = "message") {
    return new Promise((resolve, reject) => {
      // All attempts use the same key, so a lost response does not cause a duplicate.
      this.#waiting.push({ item: { room, event, data, key: randomUUID() }, resolve, reject });
      if (!this.#sending) void this.#drain();
    });
  }

  async #drain() {
    this.#sending = true;
    await undefined; // items published in this tick share a request
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

  /** Returns the results of a request. Throws an error, with `retry` in ms if another attempt may succeed. */
  async #post(items) {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: this.headers,
      body: JSON.stringify(items),
      signal: AbortSignal.timeout(10_000),
    }).catch((cause) => {
      throw Object.assign(new Error("no answer", { cause }), { retry: 0 });
    });
    // A body that is not JSON was truncated, or came from a proxy.
    const said = await answer.json().catch(() => ({}));
    if (said.results) return said.results;
    const again = answer.ok || answer.status === 429 || answer.status >= 500;
    throw Object.assign(new Error(said.detail ?? `HTTP ${answer.status}`), {
      code: said.code,
      ...(again && { retry: Number(answer.headers.get("retry-after") ?? 0) * 1000 }),
    });
  }

  /** Removes items from the queue, up to the first one to retry. Returns the pause before the next request, in ms. */
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
