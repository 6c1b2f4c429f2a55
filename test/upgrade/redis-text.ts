// A Redis database as text: each line is a command that restores a key. Times to live are relative to the restore.
import { Redis } from "ioredis";

/** Each byte becomes one Latin-1 character. JSON escapes control characters. */
const latin1 = (value: unknown): string =>
  Buffer.isBuffer(value) ? value.toString("latin1") : String(value);

async function connect(port: number): Promise<Redis> {
  const redis = new Redis({ port, lazyConnect: true });
  await redis.connect();
  return redis;
}

/** Returns the commands that write every key, sorted by key name. */
export async function dump(port: number): Promise<string> {
  const redis = await connect(port);
  const call = (command: string, ...args: (string | Buffer)[]) => redis.callBuffer(command, ...args);
  try {
    const keys = ((await call("KEYS", "*")) as Buffer[]).toSorted((a, b) => a.compare(b));
    const lines: string[] = [];
    const write = (...command: unknown[]) => lines.push(JSON.stringify(command.map(latin1)));
    for (const key of keys) {
      const type = latin1(await call("TYPE", key));
      if (type === "string") write("SET", key, await call("GET", key));
      else if (type === "hash") write("HSET", key, ...((await call("HGETALL", key)) as Buffer[]));
      else if (type === "set") write("SADD", key, ...((await call("SMEMBERS", key)) as Buffer[]));
      else if (type === "zset") {
        const pairs = (await call("ZRANGE", key, "0", "-1", "WITHSCORES")) as [
          member: Buffer,
          score: unknown,
        ][];
        write("ZADD", key, ...pairs.flatMap(([member, score]) => [score, member]));
      } else if (type === "stream") {
        for (const [id, fields] of (await call("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][])
          write("XADD", key, id, ...fields);
      } else throw new Error(`${latin1(key)} is a ${type}`);
      const left = Number(await call("PTTL", key));
      if (left > 0) write("PEXPIRE", key, left);
    }
    return `${lines.join("\n")}\n`;
  } finally {
    redis.disconnect();
  }
}

/** Runs the commands of `dump` on an empty Redis. */
export async function restore(port: number, text: string): Promise<void> {
  const redis = await connect(port);
  try {
    for (const line of text.trim().split("\n")) {
      const [command = "", ...args] = JSON.parse(line) as string[];
      await redis.call(command, ...args.map((arg) => Buffer.from(arg, "latin1")));
    }
  } finally {
    redis.disconnect();
  }
}
