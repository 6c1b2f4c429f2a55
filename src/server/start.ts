// `thump serve`: reads options, starts the server, prints the banner, drains on SIGTERM and SIGINT, reloads on SIGHUP.
import { closeSync, openSync } from "node:fs";
import { getLogger } from "@logtape/logtape";
import { isLoopback } from "../limits/local-request.ts";
import pkg from "../../package.json" with { type: "json" };
import { printableLines } from "../protocol/printable.ts";
import { type RunningServer, serve, serverSettings } from "./app.ts";
import { type Flags, readOptions } from "./config/command-line.ts";
import { configureLogging, logsWritten } from "./logging.ts";
import { type Options, OptionsError } from "./config/options.ts";
import { reload } from "./reload.ts";
import { coreOf } from "./thump-server.ts";

const log = getLogger(["thump"]);

/**
 * Runs the server until a signal stops it. Exits with 1 if the server cannot start, and with 2 if options conflict.
 * @throws OptionsError if an option is invalid
 */
export async function start(flags: Flags): Promise<void> {
  const options = await readOptions(flags, process.env, process.cwd());
  let running: RunningServer;
  try {
    running = await begin(options);
  } catch (error) {
    console.error(printableLines(`thump: ${explain(error, options)}`));
    process.exit(error instanceof OptionsError ? 2 : 1);
  }
  handleSignals(running, flags);
  // Printed after the signal handlers are installed: programs may wait for this output before they send a signal.
  const { settings, authenticator } = coreOf(running.thump);
  console.log(banner(running, settings.demo, authenticator.isConfigured, settings.tls ? "https" : "http"));
}

async function begin(options: Options): Promise<RunningServer> {
  const running = serve(options);
  const { host, port, thump } = running;
  const core = coreOf(thump);
  const { traces } = core.settings;
  configureLogging(core.settings);
  if (traces) {
    const { startTracing } = await import("./tracing.ts");
    await startTracing(core, traces, process.env);
  }
  log.info("started, version {version}, on {host} port {port}", { version: pkg.version, host, port });
  return running;
}

function handleSignals(running: RunningServer, flags: Flags): void {
  let stopping = false;
  const stop = async (signal: string) => {
    // A second signal ends the process immediately.
    if (stopping) process.exit(1);
    stopping = true;
    const { sessions } = coreOf(running.thump).hub;
    console.log("thump: draining");
    log.info("{signal}: draining {sessions} sessions", { signal, sessions: sessions.size });
    await running.stop();
    log.info("stopped");
    await logsWritten();
    process.exit(0);
  };
  const hasTerminal = process.stdin.isTTY === true;
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
  let reloading = Promise.resolve();
  process.on("SIGHUP", () => {
    // Closing the terminal sends SIGHUP too.
    if (hasTerminal && isTerminalGone()) void stop("SIGHUP");
    else reloading = reloading.then(() => reloadConfiguration(running, flags));
  });
}

function isTerminalGone(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}

/** Reads the configuration again. If it is invalid, the error is logged and nothing changes. */
async function reloadConfiguration({ thump }: RunningServer, flags: Flags): Promise<void> {
  const core = coreOf(thump);
  try {
    const options = await readOptions(flags, process.env, process.cwd());
    const { changed, restart } = reload(core, serverSettings(options));
    core.reloads.done++;
    log.info("reloaded; changed: {changed}", { changed: changed.join(", ") || "nothing" });
    if (restart.length > 0) log.warn("ignored until restart: {restart}", { restart: restart.join(", ") });
  } catch (error) {
    core.reloads.failed++;
    const reason = error instanceof Error ? error.message : String(error);
    log.error("not reloaded, nothing has changed: {reason}", { reason });
  }
}

function explain(error: unknown, { port = 3000, host = "127.0.0.1" }: Options): string {
  const { code, message } = error as { code?: string; message: string };
  if (code === "EADDRINUSE")
    return `port ${port} on ${host} is in use. Choose a different one with --port, or --port 0 for a free one.`;
  if (code === "EACCES") return `port ${port} requires more privileges. Choose one above 1023 with --port.`;
  return message;
}

/** Returns the startup output: the URL, two commands to try, and the access policy. */
export function banner(
  { host, port }: Pick<RunningServer, "host" | "port">,
  demo: boolean,
  secured = false,
  scheme = "http",
): string {
  const local = isLoopback(host);
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const url = `${scheme}://${name}:${port}`;
  const token = secured ? '-H "authorization: Bearer $TOKEN" ' : "";
  return [
    `thump ${pkg.version} on ${url}${demo ? "  (open it in a browser)" : ""}`,
    "",
    `  subscribe   curl -N -H 'accept: text/event-stream' ${token}${url}/rooms/chat`,
    `  publish     curl -d 'hello' ${token}${url}/rooms/chat`,
    "",
    secured
      ? "A token is required (thump token prints one), except where your rules allow anyone."
      : local
        ? "Open to every program on this machine, closed to other machines."
        : `Open to every client that can reach ${host}: without a secret, anyone can subscribe and publish.`,
  ].join("\n");
}
