// A server process for a scenario, with a recorder.
import { folder, type Started, startProcess } from "../../support/process.ts";
import { Recorder } from "./recorder.ts";

export interface Recorded {
  server: Started;
  recorder: Recorder;
  dir: string;
}

/**
 * Starts a server with a config file. The console, the demo page and heartbeats are off, so that the server does
 * nothing on its own.
 * @param dir the folder from an earlier start, to reuse its data
 */
export async function start(config: object, dir = folder(), args: string[] = []): Promise<Recorded> {
  await configure(dir, config);
  const server = await startProcess(args, {}, dir);
  return { server, recorder: new Recorder(server.port), dir };
}

/** Writes the config file. */
export async function configure(dir: string, config: object): Promise<void> {
  const whole = { port: 0, demo: false, console: false, log: "none", heartbeat: "1h", ...config };
  await Bun.write(`${dir}/thump.config.json`, JSON.stringify(whole));
}

/** Stops the server with SIGTERM. */
export async function stop({ server }: Recorded): Promise<void> {
  server.process.kill("SIGTERM");
  await server.process.exited;
}

/** A cursor with an epoch that no server uses. */
export const FOREIGN = "zzzzzz-5";
export const JSON_TYPE = { "content-type": "application/json" };
export const NDJSON = "application/x-ndjson";
/** Pauses between two sessions, because lists sort sessions by their age in milliseconds. */
export const apart = () => Bun.sleep(5);

/** Returns the cursor in a JSON response. */
export function cursorOf({ text }: { text: string }): string {
  return (JSON.parse(text) as { at: string }).at;
}
