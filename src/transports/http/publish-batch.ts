// `POST /publish`: publishes several messages, or one to several rooms. Each publication has its own result.
import type { TraceContext } from "../../hub/publish-pipeline.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { countItem, type CountedItem, parseItem, chargeItem, type ParsedItem } from "./batch-items.ts";
import { type BodyItems, readItems } from "./read-body.ts";
import type { HandlerContext } from "./handler-context.ts";
import { readQuery } from "./read-request.ts";

/** Maximum number of publications per request. */
const MAX_PUBLICATIONS = 1000;
/** Maximum number of detailed errors per batch. */
const MAX_DETAILED_ERRORS = 10;

type ItemResult =
  | { room?: string; at: string }
  | { room?: string; error: { code: string; message: string; errors?: object[]; retry?: number } };

/**
 * Returns `{"results":[…]}`, with one result for each room of each item, in order. An error does not affect other
 * publications, unless the query contains `ordered=1`. With `ordered=1`, publications after an error are not attempted
 * and have no result, so that the client can resend them in order.
 */
export async function publishBatch(http: HandlerContext, maxBody: number): Promise<Response> {
  const { service, request, context } = http;
  service.checkAuthenticated(context, "Publishing requires a token or an API key.");
  const ordered = readQuery(request, ["ordered"]).ordered === "1";
  const { items, work } = await readCountedItems(http, maxBody);
  const batch = new BatchResults(http, ordered);
  const charged: CountedItem[] = [];
  for (const item of items) {
    if (work.isDue) await work.pause();
    chargeItem(service, context, item);
    charged.push(item);
    if (ordered && item.chargeError) break;
  }
  // All items are parsed before the first one is published, so that nothing is published from a body that is not JSON.
  const parsed: (ParsedItem | ThumpError)[] = [];
  let invalid = 0;
  for (const item of charged) {
    if (work.isDue) await work.pause();
    const one =
      item.charged === 0 && item.chargeError
        ? item.chargeError
        : parseItem(item, service.maxMessage, invalid >= MAX_DETAILED_ERRORS);
    if (one instanceof ThumpError) invalid++;
    parsed.push(one);
  }
  await decideAll(http, parsed);
  for (const [i, item] of charged.entries()) {
    for (const publication of batch.publications(item, parsed[i] as ParsedItem | ThumpError)) {
      if (work.isDue) await work.pause();
      if (!batch.add(publication)) return batch.answer();
    }
  }
  return batch.answer();
}

/** Reads the items and counts their publications. A body that is rejected as a whole is charged as one publication. */
async function readCountedItems(
  http: HandlerContext,
  maxBody: number,
): Promise<{ items: CountedItem[]; work: BodyItems["work"] }> {
  let size = 0;
  try {
    const read = await readItems(http, maxBody, MAX_PUBLICATIONS, tooMany);
    const { texts, work } = read;
    ({ size } = read);
    const items: CountedItem[] = [];
    let publications = 0;
    for (const text of texts) {
      if (work.isDue) await work.pause();
      const item = countItem(text, MAX_PUBLICATIONS);
      items.push(item);
      publications += item.count;
      if (publications > MAX_PUBLICATIONS) throw tooMany();
    }
    return { items, work };
  } catch (error) {
    http.service.takeRate(http.context, "publishes", 1, size);
    throw error;
  }
}

function tooMany(): ThumpError {
  return new ThumpError("limit", `The request has more than ${MAX_PUBLICATIONS} publications.`);
}

/** Calls the app's hook for each room before the first publication. The hook's decisions are cached. */
async function decideAll(
  { service, context }: HandlerContext,
  items: (ParsedItem | ThumpError)[],
): Promise<void> {
  if (!service.hasAuthorizeHook) return;
  const rooms = new Set(items.flatMap((one) => (one instanceof ThumpError ? [] : one.rooms)));
  await Promise.allSettled(
    [...rooms].map((room) => Promise.try(() => service.check(context, "publish", room))),
  );
}

/** A publication to attempt, or the error that prevents it. */
type BatchPublication = { room?: string | undefined } & ({ item: ParsedItem } | { error: ThumpError });

class BatchResults {
  readonly #results: (ItemResult | Promise<ItemResult>)[] = [];
  #failed = 0;

  readonly #traceparent: TraceContext | undefined;

  constructor(
    readonly http: HandlerContext,
    readonly ordered: boolean,
  ) {
    this.#traceparent = http.service.traceOf(http.context, http.request);
  }

  /** The publications of an item: one per room, or a single error if the item is invalid. */
  *publications(
    { room, count, charged, chargeError }: CountedItem,
    item: ParsedItem | ThumpError,
  ): Generator<BatchPublication> {
    if (item === chargeError) for (let i = 0; i < count; i++) yield { room, error: chargeError };
    else if (item instanceof ThumpError) yield { room, error: item };
    else
      for (const [i, each] of item.rooms.entries())
        yield i >= charged && chargeError ? { room: each, error: chargeError } : { room: each, item };
  }

  /** Attempts a publication and adds its result. Returns false if the batch must stop. */
  add(publication: BatchPublication): boolean {
    const result =
      "error" in publication
        ? this.#fail(publication.room, publication.error)
        : this.#publish(publication.room as string, publication.item);
    this.#results.push(result);
    return !(this.ordered && "error" in result);
  }

  async answer(): Promise<Response> {
    return Response.json({ results: await Promise.all(this.#results) });
  }

  #publish(room: string, { event, key, content }: ParsedItem): ItemResult | Promise<ItemResult> {
    const { service, context } = this.http;
    const failed = (error: unknown) => this.#fail(room, error);
    const stored = ({ seq }: { seq: number }): ItemResult => ({
      room,
      at: service.hub.cursorAt(seq),
    });
    const briefErrors = this.#failed >= MAX_DETAILED_ERRORS;
    try {
      const publication = service.publish(context, {
        room,
        event,
        key,
        content,
        traceparent: this.#traceparent,
        isCharged: true,
        briefErrors,
      });
      return publication instanceof Promise ? publication.then(stored, failed) : stored(publication);
    } catch (error) {
      return failed(error);
    }
  }

  #fail(room: string | undefined, thrown: unknown): ItemResult {
    const { code, message, errors, retry } = this.http.service.recordError(thrown);
    const detailed = this.#failed++ < MAX_DETAILED_ERRORS;
    const error = {
      code,
      message,
      ...(errors && detailed ? { errors } : {}),
      ...(retry === undefined ? {} : { retry }),
    };
    return { ...(room === undefined ? {} : { room }), error };
  }
}
