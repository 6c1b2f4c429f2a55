// `thump bench`: measures a running server's delivery and latency from the clients' side.
import { HttpApi } from "../http-api.ts";
import { type ConnectionFlags, readCredential } from "../connection-flags.ts";
import { checkRoom, EXIT } from "../exit-codes.ts";
import { printableLines, jsonLine } from "../../protocol/printable.ts";
import { draw, Output } from "../terminal.ts";
import { Load, type LoadOptions } from "./load.ts";

export type BenchFlags = ConnectionFlags & Pick<LoadOptions, "clients" | "rate" | "duration" | "size">;

/** Maximum time to wait for outstanding deliveries. */
const DELIVERY_TIMEOUT_MS = 5000;
/** Above this share of one core, the command itself limits the results. */
const BUSY_CPU_SHARE = 0.85;

/** Runs the benchmark, and prints the results. Any fault sets exit code 1. @throws CommandError */
export async function runBench(room: string | undefined, flags: BenchFlags): Promise<void> {
  const name = room ?? `bench:${crypto.randomUUID().slice(0, 8)}`;
  const path = `/rooms/${encodeURIComponent(checkRoom(name))}`;
  const credential = await readCredential(flags, process.env);
  // A failed WebSocket handshake hides the reason, but the response to an HTTP request shows it.
  await new HttpApi(flags.url, credential).request(`${path}?wait=0.001`);
  const load = new Load({ ...flags, url: flags.url + path, credential });
  process.on("SIGINT", () => process.exit(EXIT.interrupted));
  const progress = show(load);
  try {
    await load.connect((connected) => progress(`${connected} of ${flags.clients} clients`));
    const cpu = process.cpuUsage();
    const began = performance.now();
    await load.run(DELIVERY_TIMEOUT_MS);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    progress("");
    await print(name, load, flags, seconds, (user + system) / 1e6 / seconds);
  } finally {
    load.close();
  }
}

/** Shows progress on one line of a terminal. */
function show(load: Load): (text: string) => void {
  if (!process.stderr.isTTY) return () => {};
  const timer = setInterval(() => {
    if (load.published > 0) draw(`${load.published} of ${load.total} published, ${load.delivered} delivered`);
  }, 200);
  return (text) => {
    if (text === "") clearInterval(timer);
    draw(text);
  };
}

async function print(
  room: string,
  load: Load,
  { json, clients, rate, size }: BenchFlags,
  seconds: number,
  cpu: number,
): Promise<void> {
  const { latency, faults, delivered, published } = load;
  const ms = (percentile: number) => (delivered === 0 ? null : latency.percentile(percentile) / 1000);
  const perSecond = Math.round(delivered / seconds);
  const p = { p50: ms(50), p99: ms(99), max: delivered === 0 ? null : latency.max / 1000 };
  const output = new Output();
  if (json)
    output.write(
      jsonLine({ room, clients, rate, size, seconds, published, delivered, perSecond, ms: p, faults, cpu }),
    );
  else
    output.write(
      printableLines(
        [
          `${clients} clients × ${rate} publications per second of ${size} bytes, ${seconds.toFixed(1)} s`,
          `delivered   ${delivered.toLocaleString("en")} (${perSecond.toLocaleString("en")} per second)`,
          `latency     p50 ${p.p50} ms, p99 ${p.p99} ms, max ${p.max} ms, from due time to delivery`,
          `faults      ${Object.entries(faults)
            .map(([what, count]) => `${what} ${count}`)
            .join(", ")}`,
          ...(cpu > BUSY_CPU_SHARE
            ? [
                `This process used ${Math.round(cpu * 100)} % of a core: the command itself limited the results.`,
              ]
            : []),
          "",
        ].join("\n"),
      ),
    );
  if (Object.values(faults).some((count) => count > 0)) process.exitCode = EXIT.failure;
  return output.drained();
}
