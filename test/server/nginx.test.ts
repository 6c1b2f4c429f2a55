// Behind a real nginx: its path-based access rules work, polls end before nginx times out, and the cluster example
// works.
import { expect, test } from "bun:test";
import { freePort } from "../../scripts/free-port.ts";
import { dataOf, stateOf, type State } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { noNginx, startDns, startNginx } from "../support/nginx.ts";
import { readiness, startNode, until } from "../support/nodes.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { startServer } from "../support/server.ts";
import { describeIf, testIf } from "../support/skip.ts";
import { openEvents } from "../support/streams.ts";
import { SEGMENTS } from "../support/targets.ts";
import { httpAnswer } from "../support/tcp.ts";

const BEHIND = { open: true, proxies: ["loopback"] };
const read = (path: string) => Bun.file(new URL(`../../${path}`, import.meta.url)).text();

describeIf(noNginx)("behind nginx", () => {
  test("if nginx forwards only /rooms/public:, no client can act on a different room", async () => {
    const server = startServer(BEHIND);
    const port = await startNginx(
      (listen) => `server {
        listen ${listen};
        merge_slashes off;
        location /rooms/public: { proxy_pass http://127.0.0.1:${server.port}; }
        location / { return 403; }
      }`,
    );
    const rooms = () => [...(server.thump.hub.log.rooms() as Iterable<string>)];
    const passed: string[] = [];
    const wrong: string[] = [];
    for (const prefix of ["", "public:", "public:x"]) {
      for (const name of ["orders", "public:x"]) {
        for (const segment of SEGMENTS) {
          const target = `/rooms/${prefix}${segment.replaceAll("{}", name)}`;
          await server.thump.publish("orders", 1);
          const head = (method: string, path: string) => [`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1"];
          const posted = await httpAnswer(port, [...head("POST", target), "Content-Length: 1"], "x");
          if (posted.startsWith("HTTP/1.1 201")) passed.push(target);
          const others = rooms().filter((room) => room !== "orders" && !room.startsWith("public:"));
          await httpAnswer(port, head("DELETE", `${target}/history`));
          const { messages } = await stateOf(server, "orders");
          if (others.length > 0 || messages.length === 0 || messages.some(({ data }) => data !== 1))
            wrong.push(`${target} → ${JSON.stringify(others)}, ${JSON.stringify(messages)}`);
          await Promise.all([...others, "orders"].map((room) => server.thump.hub.forget(room)));
        }
      }
    }
    expect(wrong).toEqual([]);
    // Regular requests pass through.
    expect(passed).toContain("/rooms/public:orders");
    expect(passed.length).toBeGreaterThan(SEGMENTS.length / 2);
  });

  test("with the documented settings, scaled to a tenth, the longest poll is answered before nginx times out", async () => {
    const settings = ["proxy_buffering off", "proxy_read_timeout 60s"];
    for (const setting of settings) expect(await read("docs/operating.md")).toContain(`\`${setting}\``);
    const server = startServer(BEHIND);
    const port = await startNginx(
      (listen) => `server {
        listen ${listen};
        location / {
          proxy_pass http://127.0.0.1:${server.port};
          ${settings.join(";").replace("60s", "6s")};
        }
      }`,
    );
    const { setTimeout: original } = globalThis;
    const tenth = (run: () => void, ms?: number) => original(run, (ms ?? 0) > 40_000 ? (ms ?? 0) / 10 : ms);
    globalThis.setTimeout = Object.assign(tenth, original);
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/rooms/r?wait=60`);
      expect(answer.status).toBe(200);
      expect(dataOf((await answer.json()) as State)).toEqual([]);
    } finally {
      globalThis.setTimeout = original;
    }
  });

  testIf(noRedis)("the cluster example works with this nginx while nodes start and stop", async () => {
    const redis = await RedisServer.start();
    const port = await freePort();
    const hosts = ["127.0.0.1", "127.0.0.2"];
    const nodes = hosts.map((host) => startNode(redis.url, { ...BEHIND, host, port }));
    for (const host of hosts)
      await until(async () => (await readiness({ url: `http://${host}:${port}` })) === 200);
    const known = [...hosts];
    const dns = await startDns(() => known);
    const example = await read("examples/cluster/nginx.conf");
    const replace = (listen: string) =>
      example
        .replace("127.0.0.11", `127.0.0.1:${dns}`)
        .replace("thump:3000", `thump:${port}`)
        .replace("listen 80", `listen ${listen}`);
    const proxy = await startNginx(replace);
    const url = `http://127.0.0.1:${proxy}`;
    const through = { room: (name: string, query = "") => `${url}/rooms/${name}${query}` };
    const publish = (data: string) => fetch(through.room("r"), { method: "POST", body: data });
    const events = await openEvents(through.room("r"));
    const socket = await connect(`ws://127.0.0.1:${proxy}/rooms/r`);
    const sent = Array.from({ length: 8 }, (_, i) => String(i));
    for (const data of sent) expect((await publish(data)).status).toBe(201);
    await events.events.until((all) => all.length === sent.length);
    expect(events.events.all.map(({ data }) => data)).toEqual(sent);
    for (const data of sent) expect(await socket.next()).toBe(data);
    // Both nodes have handled some of the publications.
    for (const { thump } of nodes) expect(thump.hub.stats.publications).toBeGreaterThan(0);
    const [first, second] = nodes;
    await second?.stop();
    known.pop();
    for (let i = 0; i < 6; i++) expect((await fetch(through.room("r"))).status).toBe(200);
    expect(first?.thump.hub.log.fault).toBeUndefined();
  });
});
