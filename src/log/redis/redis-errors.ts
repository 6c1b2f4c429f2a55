// What an error of Redis means for what was asked.

/**
 * - `scripts`, `epoch`: nothing was done, and it can be put right: scripts were thrown out, the log began anew.
 * - `elsewhere`: nothing was done: another server takes writes now, and the next connection finds it.
 * - `refusal`: nothing was done, and nothing will be for a while.
 * - `gone`: the connection broke; whether it was done is not known.
 */
export type RedisErrorKind = "scripts" | "epoch" | "elsewhere" | "refusal" | "gone";

/** Undefined where it is a fault of ours. */
export function redisErrorKind({ message }: Error): RedisErrorKind | undefined {
  if (message.startsWith("NOSCRIPT")) return "scripts";
  if (message.startsWith("EPOCH")) return "epoch";
  if (/^(READONLY|MOVED|ASK|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)|READONLY You can't write/.test(message))
    return "elsewhere";
  if (/^(OOM|MISCONF|NOREPLICAS|BUSY|LOADING|NOPERM|TRYAGAIN)|-OOM |OOM command|non local key/.test(message))
    return "refusal";
  if (/closed|Stream isn't writeable|ECONN|EPIPE|socket|aborted/i.test(message)) return "gone";
  return undefined;
}
