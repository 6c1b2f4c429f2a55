/** @jsxImportSource preact */
// A room's newest stored messages, followed by its live messages. The view can be paused.
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { State, Thump } from "../../../client/index.ts";
import { clock, count, dataText } from "../format.ts";
import { type Item, RoomTail, MAX_LINES } from "../room-tail.ts";
import { Empty } from "./ui.tsx";

/** Choices for the number of stored messages to show. */
const HISTORY = [50, 200, MAX_LINES];
/** Minimum interval between redraws. */
const DRAW_MS = 100;
/** If the list is scrolled to within this distance of its end, it scrolls with new messages. */
const NEAR_BOTTOM_PX = 40;

interface TailProps {
  thump: Thump;
  room: string;
  onState(state: State): void;
}

export function TailView({ thump, room: name, onState }: TailProps) {
  const [last, setLast] = useState(HISTORY[0] as number);
  const { tail, state, errorMessage, redraw } = useTail(thump, name, last);
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
        status={paused ? `paused, ${count(waiting)} new` : state}
        last={last}
        onLast={(size) => {
          setLast(size);
          setCleared(false);
        }}
        paused={paused}
        onPause={toggle}
        onClear={clear}
      />
      {errorMessage && <p class="notice wrong">{errorMessage}</p>}
      <ol
        ref={list}
        class="lines"
        tabIndex={0}
        aria-label={`Messages of ${name}`}
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
              {cleared ? "Cleared. New messages appear here." : "No stored messages, and no new ones yet."}
            </Empty>
          </li>
        )}
      </ol>
    </section>
  );
}

interface HeadProps {
  /** The state of the room. */
  status: string;
  last: number;
  onLast(last: number): void;
  paused: boolean;
  onPause(): void;
  onClear(): void;
}

function Head({ status, last, onLast, paused, onPause, onClear }: HeadProps) {
  return (
    <div class="head">
      <h2 id="tail">Live</h2>
      <span class="soft state" data-testid="tail-state">
        {status}
      </span>
      <label>
        <span class="unseen">Number of stored messages to show</span>
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

/** Joins the room while its tail is shown. */
function useTail(thump: Thump, name: string, last: number) {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  const [state, setState] = useState<State>("connecting");
  const [errorMessage, setErrorMessage] = useState<string>();
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
        if (now === "live") setErrorMessage(undefined);
      }),
      room.on("error", ({ message }) => setErrorMessage(message)),
    ];
    setState(room.state);
    return () => {
      clearTimeout(timer);
      for (const stop of off) stop();
      // Do not leave the status rooms: the overview uses them.
      if (!name.startsWith("thump:")) room.leave();
    };
  }, [thump, name, tail]);
  return { tail, state, errorMessage, redraw: () => draw(undefined) };
}

function Row({ item }: { item: Item }) {
  if ("gap" in item) {
    return (
      <li class="gap">
        gap: messages after {item.gap.after}, up to {item.gap.at}, are no longer stored
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
      <span class="data">{data === "" ? <span class="soft">empty text</span> : dataText(data)}</span>
    </li>
  );
}
