// Runs work of many streams at the end of the event-loop tick, with one callback for all of them.

export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];

/** Calls `flush` at the end of the tick. The caller does not add the same object twice in a tick. */
export function flushAtEndOfTick(target: Flushable): void {
  if (waiting.push(target) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const targets = waiting;
  waiting = [];
  for (const target of targets) target.flush();
}
