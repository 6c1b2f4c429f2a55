// What the benchmark knows of one compared server.
import type { Dialect } from "./dialect.ts";

/**
 * What a server promises of a delivery, so that like is shown beside like.
 * `live`: at most once, nothing is kept. `history`: kept, and missed messages can be asked for.
 */
export type Tier = "live" | "history";

export interface Adapter {
  /** One word, as on the command line. */
  name: string;
  /** What it is, with what it runs on: "Socket.IO 4.8.4 on Node". */
  title: string;
  tier: Tier;
  /** The settings it runs with, and why these, in a sentence. */
  settings: string;
  /** Only measured by scenarios that name it. */
  named?: true;
  /** Thump, started from its source: `--baseline` can start an earlier one in the same way. */
  source?: boolean;
  /** The name of the server that this is another build of. It is measured in the same scenarios, right after that server. */
  twin?: string;
  /** Its version as it is installed here. */
  version?(): string | undefined;
  /** Why it cannot run here, if it cannot: "not installed: bun bench peers". */
  missing(): string | undefined;
  /** The command that serves on 127.0.0.1 and this port. It may write temporary files into `folder`. */
  command(port: number, folder: string): string[] | Promise<string[]>;
  environment?: Record<string, string>;
  /** Where the server is ready once a TCP connection is not enough: a path that answers 200. */
  ready?: string;
  /**
   * How its clients speak. Names that scenarios use: `websocket` and `event-stream` listen, `publish` is its best way
   * to publish into a room; `multiplexed`, `http` and `http-batch` where it has them.
   */
  dialects: Record<string, Dialect>;
}

/** Something that `bun bench peers` puts into the ignored folder. */
export interface Installable {
  name: string;
  /** Already there, in the pinned version. */
  installed(): boolean;
  /** What it needs that this machine may lack: "cargo is not installed". */
  blocked(): string | undefined;
  /** Installs it; `log` is for progress. Throws with a reason that a user can act on. */
  install(log: (line: string) => void): Promise<void>;
}
