// A server process for a scenario, and the recorder of what it answers.
import { folder, type Started, startProcess } from "../../support/process.ts";
import { Recorder } from "./recorder.ts";

export interface Recorded {
  server: Started;
  recorder: Recorder;
  dir: string;
}

/**
 * Starts a server with a config file. Without the console, the demo page and heartbeats, nothing happens but what the scenario does.
 * @param dir a folder from an earlier start, with its data
 */
export async function start(config: object, dir = folder(), args: string[] = []): Promise<Recorded> {
  const whole = { port: 0, demo: false, console: false, log: "none", heartbeat: "1h", ...config };
  await Bun.write(`${dir}/thump.config.json`, JSON.stringify(whole));
  const server = await startProcess(args, {}, dir);
  return { server, recorder: new Recorder(server.port), dir };
}

/** Ends it as a service manager does. */
export async function stop({ server }: Recorded): Promise<void> {
  server.process.kill("SIGTERM");
  await server.process.exited;
}

/** A random cursor is never one of a server's. */
export const FOREIGN = "zzzzzz-5";
export const JSON_TYPE = { "content-type": "application/json" };
export const NDJSON = "application/x-ndjson";
/** Between two sessions, so that lists by age have one order. */
export const apart = () => Bun.sleep(5);

/** The cursor of a JSON answer. */
export function cursorOf({ text }: { text: string }): string {
  return (JSON.parse(text) as { at: string }).at;
}
