// Starts nginx for one test, on a free port, and a DNS server for nginx to use.
import { freePort } from "../../scripts/free-port.ts";
import { cleanup } from "./cleanup.ts";
import { folder, killAfter } from "./process.ts";
import { noProgram } from "./skip.ts";
import { tcp } from "./tcp.ts";

/** The reason why nginx is unavailable here; undefined if it is available. */
export const noNginx = noProgram("nginx");

const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/**
 * Starts nginx and waits until it listens.
 * @param configure returns a configuration as in `conf.d`, given the address to listen on
 * @returns the port
 */
export async function startNginx(configure: (listen: string) => string): Promise<number> {
  const port = await freePort();
  const dir = folder();
  const config = `
    daemon off; master_process off; pid ${dir}/pid; error_log stderr;
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join("\n")}
      ${configure(`127.0.0.1:${port}`)}
    }`;
  await Bun.write(`${dir}/nginx.conf`, config);
  const child = Bun.spawn(["nginx", "-p", dir, "-c", `${dir}/nginx.conf`, "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  killAfter(child);
  for (;;) {
    const listens = await tcp(port).then(
      ({ socket }) => socket.destroy(),
      () => undefined,
    );
    if (listens) return port;
    if (child.exitCode !== null) throw new Error(`nginx: ${await new Response(child.stderr).text()}`);
    await Bun.sleep(10);
  }
}

/**
 * Starts a DNS server that resolves every name to these IPv4 addresses.
 * @returns the port
 */
export async function startDns(addresses: () => string[]): Promise<number> {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (server, query, port, address) => void server.send(answerTo(query, addresses()), port, address),
    },
  });
  cleanup(() => socket.close());
  return socket.port;
}

/** Encodes the response (RFC 1035 §4) to a query with one question. */
function answerTo(query: Buffer, addresses: string[]): Buffer {
  const endOfName = query.indexOf(0, 12) + 1;
  const question = query.subarray(12, endOfName + 4);
  const isForIPv4 = query.readUInt16BE(endOfName) === 1;
  const records = (isForIPv4 ? addresses : []).map((address) =>
    // A pointer to the name in the question, type A, class IN, and a TTL of one second.
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split(".").map(Number)]),
  );
  const head = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, records.length, 0, 0, 0, 0]);
  query.copy(head, 0, 0, 2);
  return Buffer.concat([head, question, ...records]);
}
