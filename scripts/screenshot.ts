// Takes the README's picture of the demo page: a real server, a real browser, a dropped and resumed connection.
import { serve } from "../src/index.ts";
import { launch } from "./chromium.ts";

const server = serve({ port: 0 });
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1240, height: 800 }, deviceScaleFactor: 1.5 });
await page.goto(`http://127.0.0.1:${server.port}/`);
const say = (name: string, text: string) => server.engine.publish("demo:chat", { name, text });
await page.getByTestId("socket-state").getByText("live").first().waitFor();
await say("Clover", "one thump, everybody hears it");
await say("Hazel", "and on the right: the same room, as curl sees it");
await page.getByTestId("drop").click();
await page.getByTestId("resume-summary").getByText("replayed").first().waitFor();
// The ticker has by now drawn a few seconds.
await say("Hazel", "welcome back");
await page.getByTestId("chat-log").getByText("welcome back").first().waitFor();
const path = new URL("../docs/demo.png", import.meta.url).pathname;
await page.screenshot({ path });
await browser.close();
console.log(`wrote ${path}`);
await server.stop();
process.exit(0);
