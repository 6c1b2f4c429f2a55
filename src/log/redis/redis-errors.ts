// Classifies errors of Redis by their effect on the command.

/**
 * - `scripts`, `epoch`: the command had no effect; a recovery is possible, because the scripts were flushed or the
 * log has a new epoch
 * - `elsewhere`: the command had no effect; a different server accepts writes now, and the next connection finds it
 * - `refusal`: the command had no effect, and will fail for a while
 * - `gone`: the connection broke; the effect of the command is unknown
 */
export type RedisErrorKind = "scripts" | "epoch" | "elsewhere" | "refusal" | "gone";

/** Returns the kind of an error; undefined for a fault of the caller. */
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
