// A client that reads rooms on any node, reconnects with its cursor, and records everything that it receives.
import WS from "ws";
import { openEvents, openMultiplexed } from "../support/streams.ts";
import type { Node } from "./cluster.ts";

interface Message {
  type: string;
  room: string;
  at: string;
  after?: string;
  prev: number;
  data: { n: number };
}

/** A room's messages in order of arrival. */
export interface ReceivedMessages {
  /** The start position, once it is known. */
  start: string | undefined;
  messages: { at: string; n: number }[];
  /** Gap notices. `before` is the number of messages that arrived before the notice. */
  gaps: { after: string; at: string; before: number }[];
}

export const WAYS = ["events", "websocket", "stream"] as const;
export type Way = (typeof WAYS)[number];

export class Reader {
  readonly received = new Map<string, ReceivedMessages>();
  returns = 0;
  /** For debugging: the current node, and the newest frame that is not a message. */
  state = "";
  #cursors = new Map<string, string>();
  #stopped = false;
  #close: () => void = () => {};
  readonly #running: Promise<void>;

  /** @param choose selects the next node */
  constructor(
    readonly rooms: string[],
    readonly way: Way,
    readonly choose: () => Node | undefined,
  ) {
    for (const room of rooms) this.received.set(room, { start: undefined, messages: [], gaps: [] });
    this.#running = this.#run();
  }

  /** True once the start positions of all rooms are known. */
  get started(): boolean {
    return this.#cursors.size === this.rooms.length;
  }

  has(room: string, n: number): boolean {
    return this.received.get(room)?.messages.some((message) => message.n === n) === true;
  }

  /** Breaks the connection. The client reconnects. */
  drop(): void {
    this.#close();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const node = this.choose();
      if (node) {
        this.state = node.url;
        try {
          if (this.way === "events") await this.#readEvents(node);
          else if (this.way === "stream") await this.#readStream(node);
          else await this.#readSocket(node);
        } catch (error) {
          // The node is gone or not ready, so retry.
          this.state += ` ${String(error)}`;
        }
      }
      this.returns++;
      await Bun.sleep(30 + Math.random() * 50);
    }
  }

  async #readEvents(node: Node): Promise<void> {
    const query = new URLSearchParams(this.rooms.map((room): [string, string] => ["room", room]));
    const cursor = this.#cursors.get(this.rooms[0] as string);
    const stream = await openEvents(
      `${node.url}/events?${query}`,
      cursor === undefined ? {} : { "last-event-id": cursor },
    );
    this.#close = () => stream.abort();
    if (this.#stopped) return stream.abort();
    const note = (at: string) => {
      for (const room of this.rooms) {
        this.#cursors.set(room, at);
        (this.received.get(room) as ReceivedMessages).start ??= at;
      }
    };
    let read = 0;
    let event = "message";
    let id = "";
    const take = () => {
      for (; read < stream.lines.all.length; read++) {
        const line = stream.lines.all[read] as string;
        if (line.startsWith("event: ")) event = line.slice(7);
        else if (line.startsWith("id: ")) id = line.slice(4);
        else if (line.startsWith("data: ")) this.#note(JSON.parse(line.slice(6)) as Message, event);
        else if (line === "") {
          if (id !== "") note(id);
          event = "message";
          id = "";
        }
      }
      return false;
    };
    void stream.lines.until(take);
    await stream.ended;
  }

  async #readSocket(node: Node): Promise<void> {
    const ws = new WS(`${node.url.replace("http", "ws")}/ws`, { handshakeTimeout: 3000 });
    this.#close = () => ws.terminate();
    if (this.#stopped) return ws.terminate();
    const ended = new Promise<void>((resolve) => {
      ws.on("close", () => resolve());
      ws.on("error", () => resolve());
    });
    ws.on("message", (text: Buffer) => {
      const frame = JSON.parse(String(text)) as Message;
      if (frame.type === "welcome")
        for (const join of this.#joins()) ws.send(JSON.stringify({ type: "join", ...join }));
      else if (!this.#takeFrame(frame)) ws.terminate();
    });
    await ended;
  }

  async #readStream(node: Node): Promise<void> {
    const stream = await openMultiplexed(node.url, this.#joins());
    this.#close = () => stream.abort();
    if (this.#stopped) return stream.abort();
    let read = 0;
    const take = () => {
      for (; read < stream.events.all.length; read++) {
        const { data } = stream.events.all[read] as { data: string };
        if (!this.#takeFrame(JSON.parse(data) as Message)) stream.abort();
      }
      return false;
    };
    void stream.events.until(take);
    await stream.ended;
  }

  #joins() {
    return this.rooms.map((room) => ({ room, after: this.#cursors.get(room), id: 1 }));
  }

  /** Processes a frame of the multiplexed socket or stream. Returns false for an error. */
  #takeFrame(frame: Message): boolean {
    if (frame.type !== "message") this.state += ` ${JSON.stringify(frame)}`.slice(0, 300);
    if (frame.type === "joined") {
      const received = this.received.get(frame.room) as ReceivedMessages;
      if (received.start === undefined) {
        received.start = frame.at;
        this.#cursors.set(frame.room, frame.at);
      }
    } else if (frame.type === "message" || frame.type === "gap") {
      this.#note(frame, frame.type);
      this.#cursors.set(frame.room, frame.at);
    }
    return frame.type !== "error";
  }

  #note(frame: Message, event: string): void {
    const received = this.received.get(frame.room) as ReceivedMessages;
    if (event === "thump:gap" || event === "gap")
      received.gaps.push({ after: frame.after as string, at: frame.at, before: received.messages.length });
    else received.messages.push({ at: frame.at, n: frame.data.n });
  }
}
