// Micro-benchmarks of the codecs.
import { bench, do_not_optimize, group } from "mitata";
import { decodeCommand } from "../../src/protocol/commands.ts";
import { formatCursor, parseCursor } from "../../src/protocol/cursor.ts";
import { dataFromText, dataFromValue, sizeOfData } from "../../src/protocol/data.ts";
import { envelope } from "../../src/protocol/envelope.ts";
import { encodeEnvelopeEvent, encodeEvent } from "../../src/protocol/event-stream.ts";
import { EPOCH, publication, samples } from "./samples.ts";

const kinds = ["json", "text", "binary"] as const;

function encode(): void {
  for (const kind of kinds) {
    const sample = publication(samples[kind]);
    // A fresh copy per iteration, because a publication caches its envelope. The measured time includes the copy.
    bench(`envelope, ${kind}`, () => do_not_optimize(envelope({ ...sample }, EPOCH)));
    bench(`event, ${kind}`, () => do_not_optimize(encodeEvent(sample, EPOCH)));
  }
  const cached = publication(samples.json);
  bench("envelope, cached", () => do_not_optimize(envelope(cached, EPOCH)));
  bench("envelope as an event, cached", () => do_not_optimize(encodeEnvelopeEvent(cached, EPOCH)));
}

function decode(): void {
  const texts = {
    "JSON object": '{"price":41.27,"symbol":"CLVR","at":1764000000000,"volume":12}',
    "chat line": "see you at the old oak, half past nine",
    number: "41.27",
  };
  for (const [name, text] of Object.entries(texts))
    bench(`frame as data, ${name}`, () => do_not_optimize(dataFromText(text)));
  const value = { price: 41.27, symbol: "CLVR", at: 1_764_000_000_000, volume: 12 };
  bench("value as data", () => do_not_optimize(dataFromValue(value)));
  bench("base64 as data", () => do_not_optimize(dataFromValue("AAECAwQFBgcICQoLDA0ODw==", "base64")));
  bench("size of data", () => do_not_optimize(sizeOfData(samples.text)));
}

function commands(): void {
  const frames = {
    publish: '{"type":"publish","id":7,"room":"chat:42","event":"price","data":{"price":41.27}}',
    join: '{"type":"join","id":"a","room":"chat:42","after":"k3x9qa-123456"}',
    ping: '{"type":"ping"}',
  };
  for (const [name, text] of Object.entries(frames))
    bench(`command, ${name}`, () => do_not_optimize(decodeCommand(text)));
  bench("cursor, read", () => do_not_optimize(parseCursor("k3x9qa-123456")));
  bench("cursor, write", () => do_not_optimize(formatCursor(EPOCH, 123_456)));
}

export function protocol(): void {
  group("encode", encode);
  group("decode", decode);
  group("commands and cursors", commands);
}
