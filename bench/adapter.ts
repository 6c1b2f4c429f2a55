// An adapter describes one of the compared servers: how to start it, and how its clients talk to it.
import type { Dialect } from "./dialect.ts";

/**
 * A server's delivery guarantee. Reports list each tier separately.
 * `live`: at most once, no history. `history`: messages are stored, and clients can request missed ones.
 */
export type Tier = "live" | "history";

export interface Adapter {
  /** The one-word name that `--peer` accepts. */
  name: string;
  /** Name, version and runtime: "Socket.IO 4.8.4 on Node". */
  title: string;
  tier: Tier;
  /** The settings the server runs with and the reason for them, in one sentence. */
  settings: string;
  /** If true, the server is measured only in scenarios that name it. */
  named?: true;
  /** True if the adapter runs Thump from source. `--baseline` can then also run it from an earlier commit. */
  source?: boolean;
  /**
   * For an earlier build: the name of the server to compare it with. Both run in the same scenarios, back to back.
   */
  twin?: string;
  /** The installed version. */
  version?(): string | undefined;
  /** The reason why the server cannot run here ("not installed: bun bench peers"), or undefined if it can. */
  missing(): string | undefined;
  /** Returns the command that starts the server on 127.0.0.1. May write temporary files to `folder`. */
  command(port: number, folder: string): string[] | Promise<string[]>;
  environment?: Record<string, string>;
  /** A path that returns 200 once the server is ready. If unset, the server is ready when it accepts connections. */
  ready?: string;
  /**
   * How clients talk to the server. Scenarios use these names: `websocket` and `event-stream` subscribe;
   * `publish` is the server's fastest way to publish to a room; `multiplexed`, `http` and `http-batch` are defined
   * if the server supports them.
   */
  dialects: Record<string, Dialect>;
}

/** A server that `bun bench peers` installs into `bench/.peers`, which Git ignores. */
export interface Installable {
  name: string;
  /** True if the pinned version is already installed. */
  installed(): boolean;
  /** The missing prerequisite, if any, such as "cargo is not installed". */
  blocked(): string | undefined;
  /** Installs the server and reports progress to `log`. Throws an error that tells the user what to do. */
  install(log: (line: string) => void): Promise<void>;
}
