// Backend that publishes a number of orders: `node backend.mjs 1000`. Requires THUMP_URL and THUMP_KEY.
import { Publisher } from "./publisher.mjs";

const { THUMP_URL = "http://127.0.0.1:3000", THUMP_KEY } = process.env;
const count = Number(process.argv[2] ?? 1000);
const publisher = new Publisher(THUMP_URL, { key: THUMP_KEY });

const orders = Array.from({ length: count }, (_, n) => publisher.publish("orders", { n }, "created"));
const results = await Promise.allSettled(orders);
const refused = results.filter(({ status }) => status === "rejected");
console.log(`${count - refused.length} orders stored, ${refused.length} refused`);
if (refused.length > 0) {
  console.error(refused[0].reason.message);
  process.exitCode = 1;
}
