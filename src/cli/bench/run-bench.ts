// `thump bench`: how a running server carries a room, as its clients see it.
import { HttpApi } from "../http-api.ts";
import { type ConnectionFlags, readCredential } from "../connection-flags.ts";
import { checkRoom, EXIT } from "../exit-codes.ts";
import { printableLines, jsonLine } from "../../protocol/printable.ts";
import { draw, Output } from "../terminal.ts";
import { Load, type LoadOptions } from "./load.ts";

export type BenchFlags = ConnectionFlags & Pick<LoadOptions, "clients" | "rate" | "duration" | "size">;

/** How long what is on its way may take, in ms. */
const WARM_UP_TIMEOUT_MS = 5000;
/** Past this share of a core the figures are those of this process. */
const BUSY_CPU_SHARE = 0.85;

/** Prints the figures. The exit code is 1 where anything was missing, repeated or out of order. @throws CommandError */
export async function runBench(room: string | undefined, flags: BenchFlags): Promise<void> {
  const name = room ?? `bench:${crypto.randomUUID().slice(0, 8)}`;
  const path = `/rooms/${encodeURIComponent(checkRoom(name))}`;
  const credential = await readCredential(flags, process.env);
  // A socket that is not let in does not say why; a request does.
  await new HttpApi(flags.url, credential).request(`${path}?wait=0.001`);
  const load = new Load({ ...flags, url: flags.url + path, credential });
  process.on("SIGINT", () => process.exit(EXIT.interrupted));
  const progress = show(load);
  try {
    await load.connect((connected) => progress(`${connected} of ${flags.clients} clients`));
    const cpu = process.cpuUsage();
    const began = performance.now();
    await load.run(WARM_UP_TIMEOUT_MS);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    progress("");
    await print(name, load, flags, seconds, (user + system) / 1e6 / seconds);
  } finally {
    load.close();
  }
}

/** A line on a terminal, renewed while it runs. */
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
          `${clients} clients × ${rate} publications a second of ${size} bytes, ${seconds.toFixed(1)} s`,
          `delivered   ${delivered.toLocaleString("en")} (${perSecond.toLocaleString("en")} a second)`,
          `latency     p50 ${p.p50} ms, p99 ${p.p99} ms, most ${p.max} ms: from when it was due until it was here`,
          `faults      ${Object.entries(faults)
            .map(([what, count]) => `${what} ${count}`)
            .join(", ")}`,
          ...(cpu > BUSY_CPU_SHARE
            ? [`This process used ${Math.round(cpu * 100)} % of a core: the figures are its own limit.`]
            : []),
          "",
        ].join("\n"),
      ),
    );
  if (Object.values(faults).some((count) => count > 0)) process.exitCode = EXIT.failure;
  return output.drained();
}
