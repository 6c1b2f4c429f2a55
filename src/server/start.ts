// Starts the server for a person: reads options, says what to do next, drains on SIGTERM and SIGINT.
import { isLoopback } from "../access/origin.ts";
import pkg from "../../package.json" with { type: "json" };
import { type Running, serve } from "./app.ts";
import { HELP, readFlags, readOptions } from "./command-line.ts";
import { type Options, OptionsError } from "./options.ts";

/** Runs until it is told to stop. Exits with 1 when it cannot start, 2 when the options are wrong. */
export async function start(args: string[]): Promise<void> {
  let options: Options;
  try {
    const flags = readFlags(args);
    if (flags.help) return void console.log(HELP);
    if (flags.version) return void console.log(pkg.version);
    options = await readOptions(flags, process.env, process.cwd());
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    console.error(`thump: ${error.message}`);
    process.exit(2);
  }
  let running: Running;
  try {
    running = serve(options);
  } catch (error) {
    console.error(`thump: ${explain(error, options)}`);
    process.exit(error instanceof OptionsError ? 2 : 1);
  }
  let stopping = false;
  const stop = async () => {
    // A second signal: at once.
    if (stopping) process.exit(1);
    stopping = true;
    console.log("thump: draining");
    await running.stop();
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop());
  process.on("SIGINT", () => void stop());
  // Last: whoever reads it may count on all of the above.
  const { settings, access } = running.engine;
  console.log(banner(running, settings.demo, access.secured));
}

function explain(error: unknown, { port = 3000, host = "127.0.0.1" }: Options): string {
  const { code, message } = error as { code?: string; message: string };
  if (code === "EADDRINUSE")
    return `port ${port} on ${host} is taken. Choose another with --port, or --port 0 for a free one.`;
  if (code === "EACCES") return `port ${port} needs more rights. Choose one above 1023 with --port.`;
  return message;
}

/** What a newcomer needs to see first. */
export function banner(
  { host, port }: Pick<Running, "host" | "port">,
  demo: boolean,
  secured = false,
): string {
  const local = isLoopback(host);
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const url = `http://${name}:${port}`;
  const token = secured ? '-H "authorization: Bearer $TOKEN" ' : "";
  return [
    `thump ${pkg.version} on ${url}${demo ? "  (open it in a browser)" : ""}`,
    "",
    `  listen   curl -N -H 'accept: text/event-stream' ${token}${url}/rooms/chat`,
    `  speak    curl -d 'hello' ${token}${url}/rooms/chat`,
    "",
    secured
      ? "It takes a token (thump token makes one), but for what your rules open to anyone."
      : local
        ? "Open to everyone on this machine, and to nobody else."
        : `Open to everyone who can reach ${host}: there is no secret, so anyone may listen and publish.`,
  ].join("\n");
}
