/** @jsxImportSource preact */
// Small things that views are made of: headings, notices, pages of a list, a question before something is done.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../server-api.ts";
import { count } from "../format.ts";
import { href, type Route } from "../route.ts";

/** A view's heading; the focus goes there when one comes to it. */
export function Heading({ children, above }: { children: ComponentChildren; above?: ComponentChildren }) {
  return (
    <div class="heading">
      {above && <p class="above">{above}</p>}
      <h1 tabIndex={-1}>{children}</h1>
    </div>
  );
}

export function Failure({ error }: { error: ApiError | undefined }) {
  if (!error) return null;
  return (
    <p class="notice wrong" role="alert">
      {error.message} {error.code === "gone" ? "Trying again…" : <code>{error.code}</code>}
    </p>
  );
}

/** Where a table would be, when there is nothing to be in it. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Names, and what there is to say of each. */
export function Facts({ facts }: { facts: [name: string, value: string][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How a table is sorted by a column, and the way to have it so. */
export interface Sorting {
  to: string;
  by: "ascending" | "descending" | "none";
}

/** A column: its name, how it looks, and, where one can sort by it, how. */
export type Column = [name: string, look?: string, sorting?: Sorting];

interface TableProps {
  caption: string;
  columns: Column[];
  look?: string;
  testId?: string;
  children: ComponentChildren;
}

export function Table({ caption, columns, look, testId, children }: TableProps) {
  return (
    <div class="scroll">
      <table class={look}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(([name, style, sorting]) => (
              <th key={name} scope="col" class={style} aria-sort={sorting?.by}>
                {sorting ? <a href={sorting.to}>{name}</a> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody data-testid={testId}>{children}</tbody>
      </table>
    </div>
  );
}

/** A route of a list: it has pages. */
type Paged = Extract<Route, { cursor: string }>;

interface PagerProps {
  route: Paged;
  shown: number;
  total: number;
  next: string | undefined;
}

/** "101–200 of 1,000", and the ways to the pages around. */
export function Pager({ route, shown, total, next }: PagerProps) {
  const { from } = route;
  // Nothing to page through.
  if (shown === 0 && route.cursor === "") return null;
  const range =
    shown === 0 ? "none" : `${count(from + 1)}–${count(from + shown)} of ${total.toLocaleString("en")}`;
  return (
    <nav class="pager" aria-label="Pages">
      <span data-testid="range">{range}</span>
      <span class="ways">
        <Way to={route.cursor === "" ? undefined : { ...route, cursor: "", from: 0 }}>First</Way>
        <Way to={next === undefined ? undefined : { ...route, cursor: next, from: from + shown }}>Next</Way>
      </span>
    </nav>
  );
}

function Way({ to, children }: { to: Route | undefined; children: ComponentChildren }) {
  return to === undefined ? (
    <span class="button off">{children}</span>
  ) : (
    <a class="button" href={href(to)}>
      {children}
    </a>
  );
}

interface ConfirmProps {
  open: boolean;
  question: string;
  /** What it means. */
  children: ComponentChildren;
  yes: string;
  onYes(): void;
  onClose(): void;
}

/** Asks before something is done that cannot be undone. */
export function Confirm({ open, question, children, yes, onYes, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={onClose}>
      <h2 id="question">{question}</h2>
      <p>{children}</p>
      <div class="ways">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={onYes}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
