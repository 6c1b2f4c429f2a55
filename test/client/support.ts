// A test client that records its events.
import {
  type connect as Connect,
  type ConnectOptions,
  type Gap,
  type Room,
  type RoomOptions,
  type ThumpError as ThumpErrorClass,
  type Thump,
} from "../../src/client/index.ts";
import { cleanup } from "../support/cleanup.ts";
import { Inbox } from "../support/clients.ts";

/** THUMP_CLIENT selects a different build to test: `THUMP_CLIENT=$PWD/dist/client.js bun test test/client`. */
export const from = process.env["THUMP_CLIENT"] ?? "../../src/client/index.ts";
const { connect, ThumpError } = (await import(from)) as {
  connect: typeof Connect;
  ThumpError: typeof ThumpErrorClass;
};
export { ThumpError };

/** Connects a client that reconnects quickly and is closed after the test. Errors are recorded, not logged. */
export function client(
  url: string,
  options: ConnectOptions = {},
): Thump & { errors: Inbox<{ code: string }>; states: Inbox<string> } {
  const thump = connect(url, { backoff: { first: 20 }, timeout: 2000, ...options });
  cleanup(() => thump.close());
  const errors = new Inbox<{ code: string }>();
  const states = new Inbox<string>();
  thump.on("error", (error) => errors.push(error));
  thump.on("state", (state) => states.push(state));
  return Object.assign(thump, { errors, states });
}

export class RoomRecorder extends Inbox<unknown> {
  readonly gaps = new Inbox<Gap>();
  readonly errors = new Inbox<{ code: string }>();
  readonly states = new Inbox<string>();

  constructor(readonly room: Room) {
    super();
    room.on("message", (data) => this.push(data));
    room.on("gap", (gap) => this.gaps.push(gap));
    room.on("error", (error) => this.errors.push(error));
    room.on("state", (state) => this.states.push(state));
  }
}

/** Joins a room and records its events. Resolves when the room is live or closed. */
export async function joinRoom(thump: Thump, name: string, options?: RoomOptions): Promise<RoomRecorder> {
  const received = new RoomRecorder(thump.room(name, options));
  await received.states.until(() => received.room.state === "live" || received.room.state === "closed");
  return received;
}

/** Resolves when a client or room has this state. */
export function inState(
  one: { state: string; on(name: "state", run: (state: string) => void): () => void },
  state: string,
): Promise<void> {
  if (one.state === state) return Promise.resolve();
  return new Promise((resolve) => {
    const off = one.on("state", (now) => {
      if (now !== state) return;
      off();
      resolve();
    });
  });
}

/** The numbers from 0 to `end` - 1. */
export const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

/** Web Storage in memory. */
export function storage(): {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  size: number;
} {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    get size() {
      return kept.size;
    },
  };
}
