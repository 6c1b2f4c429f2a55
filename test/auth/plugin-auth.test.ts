// Access control in an app that uses the plugin: with a hook, with tokens, and with neither.
import { testIf } from "../support/skip.ts";
import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { Elysia } from "elysia";
import { type Options, thump } from "../../src/index.ts";
import { problemOf } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect } from "../support/clients.ts";
import { bearer, SECRET, token } from "../support/tokens.ts";

/** Starts an app on all interfaces, the default for an app that sets only a port. */
function listen(options: Options): number {
  const app = new Elysia().use(thump(options)).get("/mine", () => "mine");
  app.listen({ port: 0, hostname: "0.0.0.0" });
  cleanup(() => app.stop(true));
  return app.server?.port ?? 0;
}

/** A non-loopback address of this machine, if it has one. Requests to it do not leave the machine. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address && !address.internal && address.family === "IPv4")?.address;

testIf(outside === undefined ? "no network interface apart from loopback" : undefined)(
  "without a secret, only local requests are accepted unless `open` is set",
  async () => {
    const port = listen({ origins: ["*"] });
    expect((await fetch(`http://127.0.0.1:${port}/rooms/r`)).status).toBe(200);
    const refused = await problemOf(fetch(`http://${outside}:${port}/rooms/r`));
    expect(refused).toMatchObject({ status: 403, code: "forbidden" });
    expect(refused.detail).toContain("open: true");
    await expect(connect(`ws://${outside}:${port}/ws`)).rejects.toThrow(/403/);
    expect(await (await fetch(`http://${outside}:${port}/mine`)).text()).toBe("mine");
    const open = listen({ origins: ["*"], open: true });
    expect((await fetch(`http://${outside}:${open}/rooms/r`)).status).toBe(200);
  },
);

test("with a secret, tokens decide; with a hook, the app decides", async () => {
  const secured = listen({ access: { secrets: SECRET } });
  const url = `http://127.0.0.1:${secured}/rooms/r`;
  expect((await fetch(url)).status).toBe(401);
  expect((await fetch(url, { headers: bearer(token()) })).status).toBe(200);
  const hooked = listen({ authorize: ({ room, action }) => room === "r" && action === "history" });
  const at = (room: string) => fetch(`http://127.0.0.1:${hooked}/rooms/${room}`);
  expect([(await at("r")).status, (await at("s")).status]).toEqual([200, 403]);
});

test("code in the app has every permission", async () => {
  const app = new Elysia().use(thump({ access: { secrets: SECRET }, rooms: { "*": { publish: "server" } } }));
  const { at } = await app.decorator.thump.publish("r", 1, { from: "u7" });
  expect(at).toBeString();
});
