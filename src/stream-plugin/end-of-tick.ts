// Flushes any number of streams at the end of the event-loop tick with a single callback.

export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];

/** Calls `flush` at the end of the tick. The caller must not add the same object twice per tick. */
export function flushAtEndOfTick(target: Flushable): void {
  if (waiting.push(target) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const targets = waiting;
  waiting = [];
  for (const target of targets) target.flush();
}
