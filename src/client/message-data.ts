// The data of a publication on its way: JSON stays JSON, bytes are base64.

/** The fields of an envelope that say what it carries. */
export interface EncodedData {
  data?: unknown;
  encoding?: string;
}

/** What a listener gets. */
export function readData({ data, encoding }: EncodedData): unknown {
  if (encoding !== "base64") return data;
  return Uint8Array.from(atob(String(data)), (char) => char.charCodeAt(0));
}

/** What is sent. */
export function writeData(data: unknown): EncodedData {
  if (!(data instanceof Uint8Array)) return { data };
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return { data: btoa(text), encoding: "base64" };
}
