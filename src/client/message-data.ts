// Encoding of message data: JSON values as they are, bytes as base64.

/** The fields of an envelope that hold the data. */
export interface EncodedData {
  data?: unknown;
  encoding?: string;
}

/** Decodes the data of an envelope. */
export function readData({ data, encoding }: EncodedData): unknown {
  if (encoding !== "base64") return data;
  return Uint8Array.from(atob(String(data)), (char) => char.charCodeAt(0));
}

/** Encodes data for a publication. */
export function writeData(data: unknown): EncodedData {
  if (!(data instanceof Uint8Array)) return { data };
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return { data: btoa(text), encoding: "base64" };
}
