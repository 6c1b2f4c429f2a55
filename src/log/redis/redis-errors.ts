// Classifies Redis errors by their effect on the command.

/**
 * - `scripts`, `epoch`: the command had no effect, because the scripts were flushed or the log has a new epoch. A
 * recovery is possible
 * - `elsewhere`: the command had no effect. A different server now accepts writes, and the next connection finds that
 * server
 * - `refusal`: the command had no effect. Retries will also fail for a while
 * - `gone`: the connection broke. It is unknown whether the command had an effect
 */
export type RedisErrorKind = "scripts" | "epoch" | "elsewhere" | "refusal" | "gone";

/** Returns the kind of an error; undefined if the caller is at fault. */
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
