// What the views share: the session with the server, what is asked again and again, where one is.
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { ServerApi } from "./server-api.ts";
import { ApiError } from "./server-api.ts";
import type { LiveData } from "./live-data.ts";
import { parseRoute, type Route } from "./route.ts";

/** What a view needs of the page around it. */
export interface Console {
  api: ServerApi;
  live: LiveData;
  /** Says something to those who do not look. */
  say(words: string): void;
  /** The key is not good, or not any more. */
  signOut(why?: string): void;
}

export const ConsoleContext = createContext<Console | undefined>(undefined);

export function useConsole(): Console {
  const found = useContext(ConsoleContext);
  if (!found) throw new Error("a view stands outside of the console");
  return found;
}

/** Draws again when there is something new. */
export function useLive(): LiveData {
  const { live } = useConsole();
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  useEffect(() => live.subscribe(() => redraw(undefined)), [live]);
  return live;
}

export interface Polled<T> {
  data: T | undefined;
  error: ApiError | undefined;
  reload(): void;
}

/**
 * Asks the server, and again every so many ms as long as the page is seen. What was there stays while it asks.
 * @param path nothing is asked while it is undefined
 */
export function usePolled<T>(path: string | undefined, ms: number): Polled<T> {
  const { api, signOut } = useConsole();
  const [state, setState] = useState<{ path: string | undefined; data?: T; error?: ApiError }>({ path });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const data = await api.get<T>(path, abort.signal);
          setState({ path, data });
        } catch (error) {
          if (abort.signal.aborted || !(error instanceof ApiError)) return;
          if (error.code === "unauthorized" || error.code === "revoked") return signOut(error.message);
          setState((before) => ({ ...(before.path === path ? before : { path }), error }));
          // What is gone does not come back.
          if (error.code === "not-found") return;
        }
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void ask(), ms);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [api, path, ms, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { data: state.data, error: state.path === path ? state.error : undefined, reload };
}

/** Where one is. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const moved = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return route;
}

/** Goes to an address without a step in the history: what is typed is not to be walked back letter by letter. */
export function replaceHash(hash: string): void {
  if (location.hash === hash) return;
  history.replaceState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The time now, again every second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** A value that has not changed for so many ms. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    timer.current = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer.current);
  }, [value, ms]);
  return settled;
}
