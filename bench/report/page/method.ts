// The method section of the page.
import { html, type Html } from "./html.ts";

export function method(): Html {
  return html`<section id="method">
    <h2>Method</h2>
    <ul class="method">
      <li>
        <b>Separate processes.</b> Server and generator are separate processes, each on its own core if there
        are two. Every run has a new server, and servers alternate.
      </li>
      <li>
        <b>Open loop.</b> Messages are sent at planned times, and latency is measured from the planned time.
        If a server stalls, its latency therefore includes the stall.
      </li>
      <li>
        <b>Every delivery is checked.</b> A row with lost, repeated, reordered or changed messages is marked
        as a fault and has no result.
      </li>
      <li>
        <b>The knee</b> is the highest rate at which every message is delivered without a fault and with a p99
        within the limit. Higher rates only fill queues.
      </li>
      <li>
        <b>Medians.</b> Figures are medians of the runs, with the minimum and maximum. Latency histograms are
        merged, never averaged.
      </li>
      <li>
        <b>Rig-bound:</b> the generator used more than 90 % of its core, so the figure is only a lower bound.
        <b>Incomplete:</b> messages were undelivered after the grace period. <b>Disturbed:</b> other processes
        used more than 0.2 cores during the run.
      </li>
      <li>
        <b>Comparable groups.</b> Servers without history are listed separately from servers that let clients
        request missed messages. Servers that are not installed are listed as skipped.
      </li>
      <li>
        Compare ratios within one run, not figures from different machines. At saturation, a latency measures
        the length of a queue.
      </li>
    </ul>
  </section>`;
}
