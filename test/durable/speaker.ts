// A publisher that retries: publications without an acknowledgement are sent again after a reconnect, with the same
// key.
import type { Frame } from "../support/clients.ts";

export interface Said {
  n: number;
  room: string;
}

/** Maximum number of unacknowledged publications. */
const WINDOW = 40;

export class Speaker {
  /** The acknowledged seq, by number. */
  readonly acked = new Map<number, number>();
  /** Unacknowledged publications by number, oldest first. */
  readonly #open = new Map<number, Said>();
  #socket: WebSocket | undefined;
  failure: Error | undefined;

  /** @param next returns the next publication, or undefined at the end */
  constructor(
    readonly name: string,
    readonly next: () => Said | undefined,
  ) {}

  connect(url: string): Promise<void> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#onFrame(JSON.parse(String(data)) as Frame));
    return new Promise((resolve) => {
      socket.addEventListener("close", () => resolve());
      socket.addEventListener("open", () => {
        for (const said of this.#open.values()) this.#say(said);
        this.#more();
        resolve();
      });
    });
  }

  /** Resolves when everything is acknowledged, or the connection breaks. */
  async settled(): Promise<void> {
    while (this.#open.size > 0 && this.#socket?.readyState === WebSocket.OPEN) await Bun.sleep(2);
  }

  get isSettled(): boolean {
    return this.#open.size === 0;
  }

  #more(): void {
    while (this.#open.size < WINDOW) {
      const said = this.next();
      if (!said) return;
      this.#open.set(said.n, said);
      this.#say(said);
    }
  }

  #say({ n, room }: Said): void {
    const command = { type: "publish", id: n, room, data: { n }, key: `${this.name}-${n}` };
    this.#socket?.send(JSON.stringify(command));
  }

  #onFrame({ type, id, at, ...rest }: Frame): void {
    if (type === "error") this.failure = new Error(`${this.name}: ${JSON.stringify({ id, ...rest })}`);
    if (type !== "published") return;
    this.acked.set(id as number, Number(String(at).split("-")[1]));
    this.#open.delete(id as number);
    this.#more();
  }
}
