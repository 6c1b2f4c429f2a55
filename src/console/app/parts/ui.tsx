/** @jsxImportSource preact */
// Shared components: headings, notices, tables, pagination, confirmation.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../server-api.ts";
import { count } from "../format.ts";
import { href, type Route } from "../route.ts";

/** The heading of a view. It receives the focus when the view opens. */
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
      {error.message} {error.code === "gone" ? "Retrying…" : <code>{error.code}</code>}
    </p>
  );
}

/** Shown in place of an empty table. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A list of names and values. */
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

/** The sort order of a column, and the link that changes it. */
export interface Sorting {
  to: string;
  by: "ascending" | "descending" | "none";
}

/** A column: its name, its style, and its sort order if it is sortable. */
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

/** The route of a paginated list. */
type Paged = Extract<Route, { cursor: string }>;

interface PagerProps {
  route: Paged;
  shown: number;
  total: number;
  next: string | undefined;
}

/** "101–200 of 1,000", and links to other pages. */
export function Pager({ route, shown, total, next }: PagerProps) {
  const { from } = route;
  // An empty list needs no pagination.
  if (shown === 0 && route.cursor === "") return null;
  const range =
    shown === 0 ? "none" : `${count(from + 1)}–${count(from + shown)} of ${total.toLocaleString("en")}`;
  return (
    <nav class="pager" aria-label="Pages">
      <span data-testid="range">{range}</span>
      <span class="ways">
        <PageLink to={route.cursor === "" ? undefined : { ...route, cursor: "", from: 0 }}>First</PageLink>
        <PageLink to={next === undefined ? undefined : { ...route, cursor: next, from: from + shown }}>
          Next
        </PageLink>
      </span>
    </nav>
  );
}

function PageLink({ to, children }: { to: Route | undefined; children: ComponentChildren }) {
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
  /** The consequences of the action. */
  children: ComponentChildren;
  yes: string;
  onYes(): void;
  onClose(): void;
}

/** Asks for confirmation of an action that cannot be undone. */
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
