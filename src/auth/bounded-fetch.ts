// Fetches a small JSON document, with size and time limits.
import { gunzipSync } from "node:zlib";

export interface FetchLimits {
  /** Maximum size of the document, in bytes, before and after decompression. */
  bytes: number;
  /** Maximum time to receive the whole document, in ms. */
  ms: number;
}

/** Fetches and parses a document. @throws Error with a message that does not contain the URL */
export async function fetchJson(url: URL, { bytes, ms }: FetchLimits): Promise<unknown> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(new Error(`no complete response within ${ms} ms`)), ms);
  try {
    const response = await fetch(url, {
      headers: { accept: "application/json, application/jwk-set+json", "accept-encoding": "gzip" },
      // A redirect could lead to an unintended server. `decompress` below limits the decompressed size.
      redirect: "manual",
      decompress: false,
      signal: ended.signal,
    });
    if (response.status !== 200) throw new Error(`the response has status ${response.status}`);
    const body = await readBounded(response, bytes);
    return JSON.parse(new TextDecoder().decode(decompress(body, response, bytes)));
  } catch (error) {
    // Bun's error messages contain the URL, which may contain a credential.
    throw ended.signal.aborted ? (ended.signal.reason as Error) : new Error((error as Error).message);
  } finally {
    clearTimeout(timer);
    // Stops a download that is still in progress.
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

function decompress(body: Uint8Array, { headers }: Response, bytes: number): Uint8Array {
  const coding = headers.get("content-encoding") ?? "identity";
  if (coding === "identity") return body;
  if (coding !== "gzip") throw new Error(`the response has content-encoding ${coding}`);
  try {
    return gunzipSync(body, { maxOutputLength: bytes });
  } catch (error) {
    throw (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(bytes) : error;
  }
}

function tooLarge(bytes: number): Error {
  return new Error(`the response has more than ${bytes} bytes`);
}
