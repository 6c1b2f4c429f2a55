/** @jsxImportSource preact */
// A room's live tail: what was kept, then what happens, which can be held still.
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { State, Thump } from "../../../client/index.ts";
import { clock, dataText, plural } from "../format.ts";
import { type Item, RoomTail, MAX_LINES } from "../room-tail.ts";
import { Empty } from "./ui.tsx";

/** How much of what was kept is shown first. */
const HISTORY = [50, 200, MAX_LINES];
/** Drawn at most so often, in ms, however much comes. */
const DRAW_MS = 100;
/** So near to its end the list follows it, in pixels. */
const NEAR_BOTTOM_PX = 40;

interface TailProps {
  thump: Thump;
  room: string;
  onState(state: State): void;
}

export function TailView({ thump, room: name, onState }: TailProps) {
  const [last, setLast] = useState(HISTORY[0] as number);
  const { tail, state, why, redraw } = useTail(thump, name, last);
  const [cleared, setCleared] = useState(false);
  useEffect(() => onState(state), [state]);
  const { items, waiting, paused } = tail;
  const list = useRef<HTMLOListElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    const { current } = list;
    if (current && follows.current && !paused) current.scrollTop = current.scrollHeight;
  });
  const toggle = () => {
    if (paused) tail.resume();
    else tail.pause();
    redraw();
  };
  const clear = () => {
    tail.clear();
    setCleared(true);
    redraw();
  };
  return (
    <section class="panel tail" aria-labelledby="tail">
      <Head
        words={paused ? `held, ${plural(waiting, "other")} since` : state}
        last={last}
        onLast={(most) => {
          setLast(most);
          setCleared(false);
        }}
        paused={paused}
        onPause={toggle}
        onClear={clear}
      />
      {why && <p class="notice wrong">{why}</p>}
      <ol
        ref={list}
        class="lines"
        tabIndex={0}
        aria-label={`What is published to ${name}`}
        data-testid="tail"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
        }}
      >
        {items.slice(-MAX_LINES).map((item) => (
          <Row key={item.id} item={item} />
        ))}
        {items.length === 0 && state === "live" && (
          <li class="nothing">
            <Empty>
              {cleared
                ? "Cleared: what is said next is shown."
                : "Nothing is kept, and nothing was said since."}
            </Empty>
          </li>
        )}
      </ol>
    </section>
  );
}

interface HeadProps {
  /** How the room stands. */
  words: string;
  last: number;
  onLast(last: number): void;
  paused: boolean;
  onPause(): void;
  onClear(): void;
}

function Head({ words, last, onLast, paused, onPause, onClear }: HeadProps) {
  return (
    <div class="head">
      <h2 id="tail">Live</h2>
      <span class="soft state" data-testid="tail-state">
        {words}
      </span>
      <label>
        <span class="unseen">History: how many to begin with</span>
        <select value={last} onChange={({ currentTarget }) => onLast(Number(currentTarget.value))}>
          {HISTORY.map((size) => (
            <option key={size} value={size}>
              last {size}
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-pressed={paused} onClick={onPause} data-testid="pause">
        Pause
      </button>
      <button type="button" onClick={onClear}>
        Clear
      </button>
    </div>
  );
}

/** Listens in the room as long as it is shown. */
function useTail(thump: Thump, name: string, last: number) {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  const [state, setState] = useState<State>("connecting");
  const [why, setWhy] = useState<string>();
  const tail = useMemo(() => new RoomTail(), [thump, name, last]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        draw(undefined);
      }, DRAW_MS);
    };
    const room = thump.room(name, { last });
    const off = [
      room.on("message", (data, { event, at, from, time }) => {
        tail.add({ data, event, at, from, time });
        later();
      }),
      room.on("gap", (gap) => {
        tail.add({ gap });
        later();
      }),
      room.on("state", (now) => {
        setState(now);
        if (now === "live") setWhy(undefined);
      }),
      room.on("error", ({ message }) => setWhy(message)),
    ];
    setState(room.state);
    return () => {
      clearTimeout(timer);
      for (const stop of off) stop();
      // The overview goes on listening in the server's own.
      if (!name.startsWith("thump:")) room.leave();
    };
  }, [thump, name, tail]);
  return { tail, state, why, redraw: () => draw(undefined) };
}

function Row({ item }: { item: Item }) {
  if ("gap" in item) {
    return (
      <li class="gap">
        something is missing here: {item.gap.after} to {item.gap.at} is no longer kept
      </li>
    );
  }
  const { time, event, from, data, at } = item;
  return (
    <li title={at}>
      <time>{clock(time)}</time>
      {event !== "message" && (
        <span class="badge cut" title={event}>
          {event}
        </span>
      )}
      {from !== undefined && (
        <b class="cut" title={from}>
          {from}
        </b>
      )}
      <span class="data">{data === "" ? <span class="soft">an empty text</span> : dataText(data)}</span>
    </li>
  );
}
