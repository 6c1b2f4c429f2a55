// A fast feed with two readers: one keeps up, the other skips to the newest quotes: `bun examples/ticker`.
import { Elysia } from "elysia";
import { thump } from "thump";
import { Reader } from "./reader.ts";

const SYMBOLS = Array.from({ length: 20 }, (_, i) => `S${String(i).padStart(2, "0")}`);
/** Quotes per second and symbol. */
const RATE = 100;

const app = new Elysia()
  .use(thump({ rooms: { ticker: { lag: "latest", history: { count: SYMBOLS.length } } } }))
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
const url = `http://127.0.0.1:${app.server?.port}`;
console.log(
  `A ticker on ${url}/rooms/ticker: ${SYMBOLS.length} symbols, ${RATE} quotes per second each, 4 KiB per quote`,
);

let quotes = 0;
/** Publishes one quote per symbol. The event is the symbol, so a lagging reader receives each symbol's newest quote. */
async function quote(): Promise<void> {
  quotes++;
  for (const symbol of SYMBOLS) {
    const depth = Array.from({ length: 32 }, () => Number((100 + Math.random()).toFixed(3)));
    const pad = "x".repeat(3700); // simulates a deeper order book
    await app.decorator.thump.publish("ticker", { symbol, n: quotes, depth, pad }, { event: symbol });
  }
}

const fast = new Reader(`${url}/rooms/ticker`, "0");
const slow = new Reader(`${url}/rooms/ticker`, "1M");
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
