// Valid and invalid Redis addresses, and connections made with them.
import { expect, test } from "bun:test";
import { parseRedisAddress } from "../../src/log/redis/address.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { cleanup } from "../support/cleanup.ts";
import { folder, runProcess, startProcess } from "../support/process.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { freePort } from "../../scripts/free-port.ts";
import { until } from "../support/nodes.ts";
import { describeIf, noProgram, testIf } from "../support/skip.ts";

const WIDE = { count: 1000, age: 3_600_000, bytes: 1e8 };

test.each([
  ["redis://localhost", { kind: "server", hosts: [{ host: "localhost", port: 6379 }], options: { db: 0 } }],
  ["redis://u:p%40ss@h:7000/3", { options: { db: 3, username: "u", password: "p@ss" } }],
  ["redis://:secret@[::1]:7000", { hosts: [{ host: "::1", port: 7000 }], options: { password: "secret" } }],
  ["rediss://h", { options: { tls: {} } }],
  ["redis+sentinel://a,b:7,c/main/2", { kind: "sentinel", name: "main", options: { db: 2 } }],
  ["redis+cluster://a:1,b:2", { kind: "cluster", hosts: [{ port: 1 }, { port: 2 }] }],
] as [string, object][])("%s is parsed", (url, parts) => {
  const address = parseRedisAddress(url);
  expect(address).toMatchObject(parts);
  expect(address.text).not.toContain("secret");
});

test.each([
  "localhost:6379",
  "http://localhost",
  "redis://",
  "redis://a,b",
  "redis://h/name",
  "redis+sentinel://a,b",
  "redis+cluster://a/1",
])("%s is rejected, and the message does not contain the password", (url) => {
  expect(() => parseRedisAddress(url)).toThrow();
});

test("the server's error names the setting and what is wrong with the address", async () => {
  const { code, err } = await runProcess([], { THUMP_REDIS: "redis://:pa55@a,b" });
  expect(code).toBe(2);
  expect(err).toContain("store › url has several servers");
  expect(err).not.toContain("pa55");
  const shown = await runProcess(["check"], { THUMP_REDIS: "redis://:pa55@h:7" });
  expect(shown.out).toContain('"redis://h:7"');
  expect(shown.out).not.toContain("pa55");
});

async function works(url: string, prefix = "thump"): Promise<RedisLog> {
  const log = new RedisLog(() => WIDE, { url, prefix, patience: 2000 });
  cleanup(() => log.close());
  await log.opened;
  const seen: number[] = [];
  await log.subscribe("a", ({ seq }) => seen.push(seq));
  const { seq } = await log.append({ room: "a", event: "message", data: { kind: "text", text: "x" } });
  expect(seen).toEqual([seq]);
  return log;
}

describeIf(noRedis)("connections to an address", () => {
  test("with a password, but not without it", async () => {
    const redis = await RedisServer.start();
    await redis.ask("CONFIG", "SET", "requirepass", "pa55");
    await works(`redis://:pa55@127.0.0.1:${redis.port}`);
    const log = new RedisLog(() => WIDE, { url: redis.url, patience: 500 });
    cleanup(() => log.close());
    await until(() => log.fault?.includes("NOAUTH") === true);
  });

  test("to a Cluster through any of its servers", async () => {
    const redis = await RedisServer.start("--cluster-enabled", "yes");
    await redis.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    await until(async () => String(await redis.ask("CLUSTER", "INFO")).includes("cluster_state:ok"));
    await works(`redis+cluster://127.0.0.1:${await freePort()},127.0.0.1:${redis.port}`);
  });

  test("through a Sentinel, and to a different server after a failover", async () => {
    const first = await RedisServer.start();
    const second = await RedisServer.start("--replicaof", "127.0.0.1", String(first.port));
    await until(async () =>
      String(await second.ask("INFO", "replication")).includes("master_link_status:up"),
    );
    const config = `sentinel monitor main 127.0.0.1 ${first.port} 1\nsentinel down-after-milliseconds main 500\n`;
    const dir = folder({ "sentinel.conf": config });
    const sentinel = await RedisServer.startSentinel(`${dir}/sentinel.conf`);
    await until(async () => String(await sentinel.ask("INFO", "sentinel")).includes("slaves=1"));
    const log = await works(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
    const { epoch, last } = log;
    // Waits for replication to finish. Otherwise, the failover would lose messages and the log would start a new epoch.
    const offset = async (server: RedisServer, name: string) =>
      Number(new RegExp(`${name}:([0-9]+)`).exec(String(await server.ask("INFO", "replication")))?.[1]);
    const far = await offset(first, "master_repl_offset");
    await until(async () => (await offset(second, "slave_repl_offset")) >= far);
    await first.kill();
    await until(() => log.fault !== undefined);
    await until(() => log.fault === undefined);
    // Nothing was lost, so the epoch stays the same and the seq increases.
    expect(log.epoch).toBe(epoch);
    const { seq, prev } = await log.append({
      room: "a",
      event: "message",
      data: { kind: "text", text: "y" },
    });
    expect(seq).toBeGreaterThan(last);
    expect(prev).toBe(last);
  }, 30_000);

  testIf(noProgram("openssl"))("over TLS, to a server with a trusted certificate", async () => {
    const dir = folder();
    const openssl = Bun.spawnSync([
      "openssl",
      ..."req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost".split(" "),
      "-addext",
      "subjectAltName=DNS:localhost,IP:127.0.0.1",
      "-keyout",
      `${dir}/key.pem`,
      "-out",
      `${dir}/cert.pem`,
    ]);
    expect(openssl.exitCode).toBe(0);
    const port = await freePort();
    const keys = ["--tls-cert-file", `${dir}/cert.pem`, "--tls-key-file", `${dir}/key.pem`];
    const trust = ["--tls-ca-cert-file", `${dir}/cert.pem`, "--tls-auth-clients", "no"];
    await RedisServer.start("--tls-port", String(port), ...keys, ...trust);
    const log = new RedisLog(() => WIDE, { url: `rediss://127.0.0.1:${port}`, patience: 500 });
    cleanup(() => log.close());
    // With an untrusted certificate, the connection is refused, and the fault states the reason.
    await until(() => /self.signed|certificate/i.test(log.fault ?? ""));
    const { url } = await startProcess(["--port", "0", "--log", "none"], {
      THUMP_REDIS: `rediss://localhost:${port}`,
      NODE_EXTRA_CA_CERTS: `${dir}/cert.pem`,
    });
    await until(async () => (await fetch(`${url}/readyz`)).ok);
  });
});
