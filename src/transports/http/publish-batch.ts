// POST /publish: several publications, or one to several rooms, each with a result of its own.
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { TraceContext } from "../../hub/publish-pipeline.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { countItem, type CountedItem, parse, chargeItem, type ParsedItem } from "./batch-items.ts";
import { type BodyItems, readItems } from "./read-body.ts";
import type { HandlerContext } from "./handler-context.ts";
import { readQuery } from "./read-request.ts";

/** How many publications one request may make. */
const MAX_PUBLICATIONS = 1000;
/** In how many results of a batch an error has details. */
const MAX_DETAILED_ERRORS = 10;

type ItemResult =
  | { room?: string; at: string }
  | { room?: string; error: { code: string; message: string; errors?: object[]; retry?: number } };

/**
 * Answers `{"results":[…]}`, one a room of each item, in order. One that fails stops no other, unless the query says
 * `ordered=1`: then those after it are not tried, and have no result. So who sends the rest again keeps the order.
 */
export async function publishBatch(
  { service, request, context }: HandlerContext,
  maxBody: number,
): Promise<Response> {
  service.checkAuthenticated(context, "Publishing takes a token or an API key.");
  const ordered = readQuery(request, ["ordered"]).ordered === "1";
  const { items, work } = await counted(service, request, context, maxBody);
  const batch = new BatchResults(service, context, ordered, service.traceOf(context, request));
  const paid: CountedItem[] = [];
  for (const item of items) {
    if (work.isDue) await work.pause();
    chargeItem(service, context, item);
    paid.push(item);
    if (ordered && item.chargeError) break;
  }
  // All is parsed before anything is published: of a body that is not JSON nothing is.
  const wanted: (ParsedItem | ThumpError)[] = [];
  let unfit = 0;
  for (const item of paid) {
    if (work.isDue) await work.pause();
    const one =
      item.charged === 0 && item.chargeError
        ? item.chargeError
        : parse(item, service.maxMessage, unfit >= MAX_DETAILED_ERRORS);
    if (one instanceof ThumpError) unfit++;
    wanted.push(one);
  }
  await decideAll(service, context, wanted);
  for (const [i, item] of paid.entries()) {
    for (const publication of batch.publications(item, wanted[i] as ParsedItem | ThumpError)) {
      if (work.isDue) await work.pause();
      if (!batch.add(publication)) return batch.answer();
    }
  }
  return batch.answer();
}

/** Reads the items, and counts what they ask for. A body that is refused as a whole is counted as a publication. */
async function counted(
  service: RoomService,
  request: Request,
  context: RequestContext,
  maxBody: number,
): Promise<{ items: CountedItem[]; work: BodyItems["work"] }> {
  let size = 0;
  try {
    const read = await readItems(service, context, request, maxBody, MAX_PUBLICATIONS, tooMany);
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
    service.takeRate(context, "publishes", 1, size);
    throw error;
  }
}

function tooMany(): ThumpError {
  return new ThumpError(
    "limit",
    `One request may make ${MAX_PUBLICATIONS} publications; this one asks for more.`,
  );
}

/** The app's hook is asked about each room before anything is published: what it says is then known. */
async function decideAll(
  service: RoomService,
  context: RequestContext,
  wanted: (ParsedItem | ThumpError)[],
): Promise<void> {
  if (!service.hasAuthorizeHook) return;
  const rooms = new Set(wanted.flatMap((one) => (one instanceof ThumpError ? [] : one.rooms)));
  await Promise.allSettled(
    [...rooms].map((room) => Promise.try(() => service.check(context, "publish", room))),
  );
}

/** One publication, or why there is none. */
type BatchPublication = { room?: string | undefined } & ({ wanted: ParsedItem } | { error: ThumpError });

class BatchResults {
  readonly #results: (ItemResult | Promise<ItemResult>)[] = [];
  #failed = 0;

  constructor(
    readonly service: RoomService,
    readonly context: RequestContext,
    readonly ordered: boolean,
    readonly traceparent: TraceContext | undefined,
  ) {}

  /** One a room; of an item that does not fit one alone. */
  *publications(
    { room, count, charged, chargeError }: CountedItem,
    wanted: ParsedItem | ThumpError,
  ): Generator<BatchPublication> {
    if (wanted === chargeError) for (let i = 0; i < count; i++) yield { room, error: chargeError };
    else if (wanted instanceof ThumpError) yield { room, error: wanted };
    else
      for (const [i, each] of wanted.rooms.entries())
        yield i >= charged && chargeError ? { room: each, error: chargeError } : { room: each, wanted };
  }

  /** False when nothing is to come after it. */
  add(publication: BatchPublication): boolean {
    const result =
      "error" in publication
        ? this.#fail(publication.room, publication.error)
        : this.#publish(publication.room as string, publication.wanted);
    this.#results.push(result);
    return !(this.ordered && "error" in result);
  }

  async answer(): Promise<Response> {
    return Response.json({ results: await Promise.all(this.#results) });
  }

  #publish(room: string, { event, key, content }: ParsedItem): ItemResult | Promise<ItemResult> {
    const { service, context, traceparent } = this;
    const failed = (error: unknown) => this.#fail(room, error);
    const kept = ({ seq }: { seq: number }): ItemResult => ({
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
        traceparent,
        isCharged: true,
        briefErrors,
      });
      return publication instanceof Promise ? publication.then(kept, failed) : kept(publication);
    } catch (error) {
      return failed(error);
    }
  }

  #fail(room: string | undefined, thrown: unknown): ItemResult {
    const { code, message, errors, retry } = this.service.recordError(thrown);
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
