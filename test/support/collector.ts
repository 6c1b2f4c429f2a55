// A fake OpenTelemetry collector: accepts OTLP over HTTP as JSON and collects the spans.
import { Inbox } from "./clients.ts";
import { cleanup } from "./cleanup.ts";

export interface SpanData {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  links?: { traceId: string; spanId: string }[];
  status: { code: number; message?: string };
  attributes: Record<string, unknown>;
}

interface Exported {
  resourceSpans: {
    scopeSpans: {
      spans: (Omit<SpanData, "attributes"> & {
        attributes: { key: string; value: Record<string, unknown> }[];
      })[];
    }[];
  }[];
}

/** Listens until the test ends. `text` returns all received bodies. */
export function collector(): { url: string; spans: Inbox<SpanData>; text: () => string } {
  const spans = new Inbox<SpanData>();
  const texts: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const text = await request.text();
      texts.push(text);
      if (!request.url.endsWith("/v1/traces")) return new Response(null, { status: 404 });
      for (const { scopeSpans } of (JSON.parse(text) as Exported).resourceSpans) {
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          const attributes = span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]);
          spans.push({ ...span, attributes: Object.fromEntries(attributes) as Record<string, unknown> });
        }
      }
      return Response.json({});
    },
  });
  cleanup(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, spans, text: () => texts.join("\n") };
}
