// A server with a data folder that a test kills and restarts on the same port.
import { spawn, type Started, startProcess } from "../support/process.ts";
import { freePort } from "./port.ts";

export class KillableServer {
  #server: Started | undefined;
  readonly port = freePort();

  /** @param folder the folder with the configuration and the data */
  constructor(
    readonly folder: string,
    readonly args: string[] = [],
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get #all(): string[] {
    return ["--port", String(this.port), "--no-demo", "--log", "none", "--data", "data", ...this.args];
  }

  async start(): Promise<void> {
    this.#server = await startProcess(this.#all, {}, this.folder);
  }

  /** Starts the server and kills it after this many ms, whatever it is doing. */
  async startAndKill(ms: number): Promise<void> {
    const child = spawn(this.#all, {}, this.folder);
    await Bun.sleep(ms);
    child.kill("SIGKILL");
    await child.exited;
  }

  /** Kills the server without warning. */
  async kill(): Promise<void> {
    this.#server?.process.kill("SIGKILL");
    await this.#server?.process.exited;
  }

  async stop(): Promise<void> {
    this.#server?.process.kill("SIGTERM");
    await this.#server?.process.exited;
  }
}
