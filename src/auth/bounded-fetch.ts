// A small document from an address: whatever answers there, it costs a bounded number of bytes and of seconds.
import { gunzipSync } from "node:zlib";

export interface FetchLimits {
  /** The largest document, in bytes, before and after it is unpacked. */
  bytes: number;
  /** Until its last byte must be here, in ms. */
  ms: number;
}

/** @throws Error that says what was wrong, without the address */
export async function fetchJson(url: URL, { bytes, ms }: FetchLimits): Promise<unknown> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(new Error(`no whole answer within ${ms} ms`)), ms);
  try {
    const response = await fetch(url, {
      headers: { accept: "application/json, application/jwk-set+json", "accept-encoding": "gzip" },
      // Another address might be none that was meant; and what is packed is unpacked below, within bounds.
      redirect: "manual",
      decompress: false,
      signal: ended.signal,
    });
    if (response.status !== 200) throw new Error(`the answer has status ${response.status}`);
    const body = await readBounded(response, bytes);
    return JSON.parse(new TextDecoder().decode(unpacked(body, response, bytes)));
  } catch (error) {
    // Bun's errors hold the address, which may hold a credential.
    throw ended.signal.aborted ? (ended.signal.reason as Error) : new Error((error as Error).message);
  } finally {
    clearTimeout(timer);
    // What is still on its way is not wanted.
    ended.abort();
  }
}

async function readBounded(response: Response, bytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > bytes) throw tooLarge(bytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unpacked(body: Uint8Array, { headers }: Response, bytes: number): Uint8Array {
  const coding = headers.get("content-encoding") ?? "identity";
  if (coding === "identity") return body;
  if (coding !== "gzip") throw new Error(`the answer has content-encoding ${coding}`);
  try {
    return gunzipSync(body, { maxOutputLength: bytes });
  } catch (error) {
    throw (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(bytes) : error;
  }
}

function tooLarge(bytes: number): Error {
  return new Error(`the answer has over ${bytes} bytes`);
}
