// A publisher that retries: after a reconnect, it sends unacknowledged publications again with the same key.
import type { Frame } from "../support/clients.ts";

export interface Item {
  n: number;
  room: string;
}

/** Maximum number of unacknowledged publications. */
const MAX_UNACKNOWLEDGED = 40;

export class Publisher {
  /** The acknowledged seq of each number. */
  readonly acked = new Map<number, number>();
  /** Unacknowledged publications, keyed by number, oldest first. */
  readonly #unacknowledged = new Map<number, Item>();
  #socket: WebSocket | undefined;
  failure: Error | undefined;

  /** @param next returns the next publication, or undefined after the last one */
  constructor(
    readonly name: string,
    readonly next: () => Item | undefined,
  ) {}

  connect(url: string): Promise<void> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#onFrame(JSON.parse(String(data)) as Frame));
    return new Promise((resolve) => {
      socket.addEventListener("close", () => resolve());
      socket.addEventListener("open", () => {
        for (const item of this.#unacknowledged.values()) this.#send(item);
        this.#sendMore();
        resolve();
      });
    });
  }

  /** Resolves when all publications are acknowledged or the connection breaks. */
  async settled(): Promise<void> {
    while (this.#unacknowledged.size > 0 && this.#socket?.readyState === WebSocket.OPEN) await Bun.sleep(2);
  }

  get isSettled(): boolean {
    return this.#unacknowledged.size === 0;
  }

  #sendMore(): void {
    while (this.#unacknowledged.size < MAX_UNACKNOWLEDGED) {
      const item = this.next();
      if (!item) return;
      this.#unacknowledged.set(item.n, item);
      this.#send(item);
    }
  }

  #send({ n, room }: Item): void {
    const command = { type: "publish", id: n, room, data: { n }, key: `${this.name}-${n}` };
    this.#socket?.send(JSON.stringify(command));
  }

  #onFrame({ type, id, at, ...rest }: Frame): void {
    if (type === "error") this.failure = new Error(`${this.name}: ${JSON.stringify({ id, ...rest })}`);
    if (type !== "published") return;
    this.acked.set(id as number, Number(String(at).split("-")[1]));
    this.#unacknowledged.delete(id as number);
    this.#sendMore();
  }
}
