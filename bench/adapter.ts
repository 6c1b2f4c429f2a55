// An adapter describes one of the compared servers: how to start it, and how its clients talk to it.
import type { Dialect } from "./dialect.ts";

/**
 * The delivery guarantee of a server. Reports list the tiers separately.
 * `live`: at most once, no history. `history`: messages are stored, and clients can request missed ones.
 */
export type Tier = "live" | "history";

export interface Adapter {
  /** One word, as given to `--peer`. */
  name: string;
  /** Name, version and runtime: "Socket.IO 4.8.4 on Node". */
  title: string;
  tier: Tier;
  /** The settings the server runs with and the reason for them, in one sentence. */
  settings: string;
  /** Measured only in scenarios that name this server. */
  named?: true;
  /** True for Thump run from its source, which `--baseline` can also start from an earlier commit. */
  source?: boolean;
  /**
   * The name of the server that this is an earlier build of. Both run in the same scenarios, one right after the other.
   */
  twin?: string;
  /** The installed version. */
  version?(): string | undefined;
  /** The reason why the server cannot run here ("not installed: bun bench peers"), or undefined if it can. */
  missing(): string | undefined;
  /** Returns the command that starts the server on 127.0.0.1. May write temporary files to `folder`. */
  command(port: number, folder: string): string[] | Promise<string[]>;
  environment?: Record<string, string>;
  /** A path that responds with 200 once the server is ready. Without it, a TCP connection is enough. */
  ready?: string;
  /**
   * How clients talk to the server. Scenarios use these names: `websocket` and `event-stream` subscribe;
   * `publish` is the server's fastest way to publish to a room; `multiplexed`, `http` and `http-batch` exist
   * if the server has them.
   */
  dialects: Record<string, Dialect>;
}

/** A server that `bun bench peers` installs in the ignored folder. */
export interface Installable {
  name: string;
  /** True if the pinned version is already installed. */
  installed(): boolean;
  /** The missing prerequisite, if any: "cargo is not installed". */
  blocked(): string | undefined;
  /** Installs the server and reports progress to `log`. Throws an error that says what the user can do. */
  install(log: (line: string) => void): Promise<void>;
}
