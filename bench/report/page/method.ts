// How it was measured, in words.
import { html, type Html } from "./html.ts";

export function method(): Html {
  return html`<section id="method">
    <h2>How it was measured</h2>
    <ul class="method">
      <li>
        <b>Apart.</b> Server and generator are processes of their own, on a core each where there are two.
        Every run has a fresh server, and servers take turns.
      </li>
      <li>
        <b>Open load.</b> Messages leave at planned times, and latency counts from the planned time: a server
        that stands still is seen, not waited for.
      </li>
      <li>
        <b>Every delivery is checked.</b> Lost, repeated, out of order or changed by a byte: the row is a
        fault, and claims nothing, however fast.
      </li>
      <li>
        <b>The knee</b> is the highest rate at which all of it arrived, without a fault, and with a p99 within
        the bound. What a server does beyond it is not a capacity.
      </li>
      <li>
        <b>Medians of the runs,</b> with least and most beside them. Histograms of latency are added up, never
        averaged.
      </li>
      <li>
        <b>Rig-bound</b> is a row in which the generator used over 90 % of its own core: then it was measured,
        not the server. <b>Behind</b> is one in which messages were still on their way when waiting ended.
        <b>Disturbed</b> is a run in which other processes used over 0.2 cores.
      </li>
      <li>
        <b>Like beside like.</b> A server that keeps nothing does less than one from which missed messages can
        be had: they are listed apart. What was not installed is listed as skipped.
      </li>
      <li>
        Compare ratios within one run. Figures of two machines do not compare, and a latency on a full core is
        the length of its queue.
      </li>
    </ul>
  </section>`;
}
