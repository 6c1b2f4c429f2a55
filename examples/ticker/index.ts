// A fast feed, a reader that keeps up, and one that does not and skips to the newest: `bun examples/ticker`.
import { Elysia } from "elysia";
import { thump } from "thump";
import { Reader } from "./reader.ts";

const SYMBOLS = Array.from({ length: 20 }, (_, i) => `S${String(i).padStart(2, "0")}`);
/** Each symbol's quotes a second. */
const RATE = 100;

const app = new Elysia()
  .use(thump({ rooms: { ticker: { lag: "latest", history: { count: SYMBOLS.length } } } }))
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
const url = `http://127.0.0.1:${app.server?.port}`;
console.log(
  `A ticker on ${url}/rooms/ticker: ${SYMBOLS.length} symbols, ${RATE} quotes a second each, 4 KiB a quote`,
);

let quotes = 0;
/** One quote of each symbol. The event is the symbol: of each, who is behind gets the newest. */
async function quote(): Promise<void> {
  quotes++;
  for (const symbol of SYMBOLS) {
    const depth = Array.from({ length: 32 }, () => Number((100 + Math.random()).toFixed(3)));
    const pad = "x".repeat(3700); // as more depth would
    await app.decorator.thump.publish("ticker", { symbol, n: quotes, depth, pad }, { event: symbol });
  }
}

const fast = new Reader(`${url}/rooms/ticker`, "0");
const slow = new Reader(`${url}/rooms/ticker`, "4M");
setInterval(quote, 1000 / RATE);
setInterval(() => {
  const line = ({ received, skipped, newest }: Reader) =>
    `${received} received, ${skipped} skipped, ${quotes - newest} quotes behind`;
  console.log(`fast: ${line(fast)}   slow: ${line(slow)}`);
}, 1000);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const { curl } of [fast, slow]) curl.kill();
    process.exit(0);
  });
}
