// OpenTelemetry traces for publications. The module is loaded only if a collector is configured.
import type { Attributes, Span } from "@opentelemetry/api";
import pkg from "../../package.json" with { type: "json" };
import type { TracePublish } from "../hub/publish-pipeline.ts";
import type { Draft, Publication } from "../protocol/publication.ts";
import type { ServerCore } from "./server-core.ts";

type Environment = Record<string, string | undefined>;

/** Maximum time to wait for the collector when the server stops. */
const SHUTDOWN_TIMEOUT_MS = 2000;

/**
 * Sends a span for every sampled publication to a collector. If the publisher is trusted, the span belongs to the
 * publisher's trace (`traceparent`). Otherwise, it starts a new trace that links to the publisher's. OpenTelemetry's
 * own environment variables configure sampling, headers and the service name.
 */
export async function startTracing(core: ServerCore, endpoint: string, env: Environment): Promise<void> {
  const api = await import("@opentelemetry/api");
  const sdk = await import("@opentelemetry/sdk-trace");
  const { W3CTraceContextPropagator } = await import("@opentelemetry/core");
  const { defaultResource, resourceFromAttributes } = await import("@opentelemetry/resources");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");

  const url = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const name = env["OTEL_SERVICE_NAME"] ?? "thump";
  const provider = new sdk.TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ "service.name": name, "service.version": pkg.version }),
    ),
    sampler: await samplerOf(env),
    // The queue is bounded; excess spans are dropped.
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  });
  const tracer = provider.getTracer("thump", pkg.version);
  const propagator = new W3CTraceContextPropagator();
  const PRODUCER = api.SpanKind.PRODUCER;

  const trace: TracePublish = (draft, context, publish) => {
    const { traceparent, trusted } = context ?? {};
    const parent = traceparent
      ? propagator.extract(api.ROOT_CONTEXT, { traceparent }, api.defaultTextMapGetter)
      : api.ROOT_CONTEXT;
    const publisher = api.trace.getSpanContext(parent);
    const options = { kind: PRODUCER, attributes: attributesOf(draft) };
    // An untrusted client could force sampling with the sampled flag, or with a trace id that the sampling ratio
    // selects. Untrusted publications therefore start a new trace.
    const span =
      trusted || !publisher
        ? tracer.startSpan("publish", options, parent)
        : tracer.startSpan("publish", { ...options, links: [{ context: publisher }] }, api.ROOT_CONTEXT);
    return recordResult(span, api.SpanStatusCode.ERROR, publish);
  };
  core.hub.pipeline.trace = trace;
  core.onClose(async () => {
    core.hub.pipeline.trace = undefined;
    await Promise.race([provider.shutdown(), Bun.sleep(SHUTDOWN_TIMEOUT_MS)]);
  });
}

async function samplerOf(env: Environment) {
  const sdk = await import("@opentelemetry/sdk-trace");
  const ratio = Number(env["OTEL_TRACES_SAMPLER_ARG"] ?? 1);
  const name = env["OTEL_TRACES_SAMPLER"] ?? "parentbased_always_on";
  const root = name.endsWith("always_off")
    ? new sdk.AlwaysOffSampler()
    : name.endsWith("traceidratio")
      ? new sdk.TraceIdRatioBasedSampler(ratio)
      : new sdk.AlwaysOnSampler();
  return name.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root }) : root;
}

/** Attributes of a publication, without its data. */
function attributesOf({ room, event, data }: Draft): Attributes {
  return {
    "messaging.system": "thump",
    "messaging.operation.type": "send",
    "messaging.destination.name": room,
    "thump.event": event,
    "thump.kind": data.kind,
  };
}

function recordResult(
  span: Span,
  error: number,
  publish: () => Publication | Promise<Publication>,
): Publication | Promise<Publication> {
  const stored = (publication: Publication): Publication => {
    span.setAttributes({ "thump.seq": publication.seq, "messaging.message.body.size": publication.size });
    span.end();
    return publication;
  };
  const failed = (thrown: unknown): never => {
    span.setStatus({ code: error, message: thrown instanceof Error ? thrown.message : String(thrown) });
    span.end();
    throw thrown;
  };
  try {
    const result = publish();
    return result instanceof Promise ? result.then(stored, failed) : stored(result);
  } catch (thrown) {
    return failed(thrown);
  }
}
