// Hooks that views share: the server, polling, the current route.
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { ServerApi } from "./server-api.ts";
import { ApiError } from "./server-api.ts";
import type { LiveData } from "./live-data.ts";
import { parseRoute, type Route } from "./route.ts";

/** The parts of the console that all views use. */
export interface Console {
  api: ServerApi;
  live: LiveData;
  /** Announces a text to screen readers. */
  announce(text: string): void;
  /** Called if the key is invalid or revoked. */
  signOut(message?: string): void;
}

export const ConsoleContext = createContext<Console | undefined>(undefined);

export function useConsole(): Console {
  const found = useContext(ConsoleContext);
  if (!found) throw new Error("a view is rendered outside of the console");
  return found;
}

/** Redraws the component when live data changes. */
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
 * Requests a path at regular intervals while the page is visible. Earlier data stays until the response arrives.
 * @param path the path; if undefined, nothing is requested
 */
export function usePolled<T>(path: string | undefined, ms: number): Polled<T> {
  const { api, signOut } = useConsole();
  const [state, setState] = useState<{ path: string | undefined; data?: T; error?: ApiError }>({ path });
  const [reloads, setReloads] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const data = await api.get<T>(path, abort.signal);
          setState({ path, data });
        } catch (error) {
          if (abort.signal.aborted || !(error instanceof ApiError)) return;
          if (error.code === "unauthorized" || error.code === "revoked") return signOut(error.message);
          setState((before) => ({ ...(before.path === path ? before : { path }), error }));
          // A missing resource does not reappear, so polling stops.
          if (error.code === "not-found") return;
        }
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void poll(), ms);
    };
    void poll();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [api, path, ms, reloads]);
  const reload = useCallback(() => setReloads((before) => before + 1), []);
  return { data: state.data, error: state.path === path ? state.error : undefined, reload };
}

/** The current route. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const moved = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return route;
}

/** Replaces the URL without a history entry, so that typing in a search does not fill the history. */
export function replaceHash(hash: string): void {
  if (location.hash === hash) return;
  history.replaceState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The current time, updated every second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Returns a value once it has not changed for `ms`. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    timer.current = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer.current);
  }, [value, ms]);
  return settled;
}
