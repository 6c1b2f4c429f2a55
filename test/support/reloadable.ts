// A server process whose config file a test can change and reload with SIGHUP.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { collect, Inbox } from "./clients.ts";
import { folder, type Started, startProcess } from "./process.ts";

/** A log line about a reload. */
export interface Line {
  level: string;
  message: string;
  changed?: string;
  restart?: string;
  reason?: string;
}

export interface Reloadable extends Started {
  /** Writes a file, sends SIGHUP, and resolves with the log lines about the reload. */
  reload(text: string | object, file?: string): Promise<Line[]>;
}

const FILE = "thump.config.json";

const write = (config: string | object) => (typeof config === "string" ? config : JSON.stringify(config));

/** Starts a server with this config file, given as text or as an object that is serialized to JSON. */
export async function startReloadable(
  first: string | object,
  file = FILE,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<Reloadable> {
  const cwd = folder({ [file]: write(first) });
  const started = await startProcess(["--port", "0", "--no-demo", "--log", "json", ...args], env, cwd);
  const log = new Inbox<string>();
  void collect(started.process.stderr, log);
  const about = () =>
    log.all.map((line) => JSON.parse(line) as Line).filter(({ message }) => /reload|restart/.test(message));
  return {
    ...started,
    async reload(config, name = file) {
      const before = about().length;
      writeFileSync(join(cwd, name), write(config));
      started.process.kill("SIGHUP");
      await log.until(() => about().length > before);
      // The line about settings that require a restart follows immediately.
      await fetch(`${started.url}/healthz`, { tls: { rejectUnauthorized: false } });
      return about().slice(before);
    },
  };
}
