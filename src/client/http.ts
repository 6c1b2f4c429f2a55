// Requests to the server, and what it says when it refuses one.
import { type ToldError, ThumpError, toldError } from "./errors.ts";
import type { Ended, Host } from "./link.ts";

/** The server answered, and it was a no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly error: ThumpError,
    /** When to try again, in ms, if the server said so. */
    readonly delay: number | undefined,
  ) {
    super(error.message);
  }

  /** It is about what was asked for: another time it would be the same. */
  get lasting(): boolean {
    return this.status < 500 && ![401, 408, 429].includes(this.status);
  }

  /** What it means for a connection. */
  get ended(): Ended {
    const { error, delay, status } = this;
    const final = error.code === "revoked" || error.code === "origin";
    return { error, final, delay, unauthorized: status === 401 };
  }
}

/** @throws Refused, or what `fetch` throws when there is no answer */
export async function request(
  host: Host,
  token: string | undefined,
  path: string,
  init: RequestInit,
): Promise<Response> {
  const { credentials } = host;
  const response = await host.fetch(host.base + path, {
    cache: "no-store",
    ...init,
    ...(credentials ? { credentials } : {}),
    headers: {
      ...(init.headers as Record<string, string>),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  if (response.ok) return response;
  // What is no problem document comes from something in between.
  const told = (await response.json().catch(() => ({}))) as ToldError;
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  const delay = told.retry ?? (seconds >= 0 ? seconds * 1000 : undefined);
  throw new Refused(
    response.status,
    told.code
      ? toldError(told)
      : new ThumpError("unavailable", `${host.base}${path.split("?", 1)[0]} answered ${response.status}.`),
    delay,
  );
}

/** Reads a response's text as it comes, until `onText` has enough (returns false) or it ends. */
export async function readText(response: Response, onText: (text: string) => boolean | void): Promise<void> {
  // Not `for await`: not every browser can read a body so.
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (onText(decoder.decode(value, { stream: true })) === false) return void reader.cancel();
  }
}
