import { html } from 'htm/preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { SystemView } from '../../actors/views.ts';
import type { Edge } from '../../gateways/http/routes/edges.ts';
import { Empty, Loading, Problem } from '../parts/condition.ts';
import { EdgeFigures } from '../parts/edge-figures.ts';
import { Age } from '../parts/moment.ts';
import { useIds } from '../store/cells.ts';
import { behindMs, clockWords, diskWords, isNotable, lagWords, leftWords, linkWords } from '../store/edge-words.ts';
import { Edges as EdgeStore } from '../store/edges.ts';
import { formatNumber } from '../store/format.ts';
import { useTopic } from '../store/live-topic.ts';
import { useRowKeys } from '../store/row-keys.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

const NATURAL = new Intl.Collator('en', { numeric: true });

/** The edges and their links, those that need somebody first; of the chosen one everything; and the nodes of all cells. */
export function Edges() {
  const wall = useWall();
  const store = useMemo(() => new EdgeStore(), []);
  const edges = useSignal(store.edges);
  const problem = useSignal(store.problem);
  const zone = useSignal(wall.pageZone.zone);
  const { query } = useSignal(wall.router.address);
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => store.follow(), [store]);
  useRowKeys(table);
  const sorted = [...(edges ?? [])].sort(
    (a, b) => Number(isNotable(b)) - Number(isNotable(a)) || NATURAL.compare(a.cell, b.cell),
  );
  const chosen = sorted.find(({ cell }) => cell === query.get('edge')) ?? sorted[0];
  return html`<main class="page edges-page">
    <div class="filters"><h1>Edges and nodes</h1></div>
    ${problem !== null && html`<${Problem} message=${`How the edges are now is not known. ${problem}`} />`}
    <div class="panel scroll" aria-label="Edges">
      ${edges === null && problem === null && html`<${Loading} what="edges" />`}
      ${edges !== null && sorted.length === 0 && html`<${Empty}>No edges. A site that names a cell in the topology file lives at an edge of its own.</${Empty}>`}
      ${
        sorted.length > 0 &&
        html`<table class="table row-table" ref=${table}>
          <thead><tr><th>Edge</th><th>Link</th><th class="right">For</th><th class="right">Behind</th><th>To be sent</th><th>Disk</th><th class="right">Clock</th><th class="right">Commands</th></tr></thead>
          <tbody>${sorted.map((edge) => html`<${Row} key=${edge.cell} edge=${edge} chosen=${edge === chosen} />`)}</tbody>
        </table>`
      }
    </div>
    <div class=${chosen === undefined ? 'column' : 'device-columns'}>
      ${chosen !== undefined && html`<div class="column"><${EdgeFigures} edge=${chosen} zone=${zone} /></div>`}
      <${Nodes} edges=${sorted} />
    </div>
  </main>`;
}

function Row({ edge, chosen }: { readonly edge: Edge; readonly chosen: boolean }) {
  const { cell, sinceMs, commands } = edge;
  return html`<tr class=${isNotable(edge) ? 'notable' : ''} data-edge=${cell}>
    <td><a href=${`/edges?edge=${encodeURIComponent(cell)}`} aria-current=${chosen ? 'true' : undefined}>${cell}</a></td>
    <td><span class=${edge.linked ? 'tag' : 'tag strong'}>${linkWords(edge)}</span></td>
    <td class="right"><${Age} timeMs=${sinceMs} /></td>
    <td class="right number">${lagWords(behindMs(edge))}</td>
    <td>${leftWords(edge)}</td>
    <td>${diskWords(edge.disk)}</td>
    <td class="right number">${clockWords(edge)}</td>
    <td class="right number">${commands.length}</td>
  </tr>`;
}

/** All nodes that are shown here, those of edges among them, with the check of their clocks. */
function Nodes({ edges }: { readonly edges: readonly Edge[] }) {
  const wall = useWall();
  const { cells, error } = useTopic<SystemView>('nodes', {}, ['props', 'clock', 'away']);
  const ids = useIds(cells);
  const ready = useSignal(cells.ready);
  useSignal(cells.revision);
  const alarms = [...useSignal(wall.book.alarms).values()];
  const cellOf = new Map(edges.map(({ node, cell }) => [node, cell]));
  const sorted = [...ids].sort(NATURAL.compare);
  return html`<section class="panel scroll" aria-label="Nodes">
    <h2>Nodes</h2>
    ${error !== null && html`<${Problem} message=${error} />`}
    ${!ready && error === null && html`<${Loading} what="nodes" />`}
    ${ready && ids.length === 0 && html`<${Empty}>No node has told of itself yet.</${Empty}>`}
    ${
      ids.length > 0 &&
      html`<table class="table">
        <thead><tr><th>Node</th><th>Cell</th><th>Clock against its time server</th><th class="right">Alarms</th></tr></thead>
        <tbody>${sorted.map((id) => {
          const away = cells.beside(id, 'away');
          const own = alarms.filter(({ entity, detail }) => entity === `node/${id}` && detail !== 'NORMAL').length;
          return html`<tr key=${id} class=${own > 0 || away !== undefined ? 'notable' : ''}>
            <td><a href=${`/node/${encodeURIComponent(id)}`}>${id}</a></td>
            <td>${typeof away?.cell === 'string' ? away.cell : (cellOf.get(id) ?? 'this one')}</td>
            <td>${ntpWords(cells.get(id)?.clock)}</td>
            <td class="right number">${own}</td>
          </tr>`;
        })}</tbody>
      </table>`
    }
  </section>`;
}

function ntpWords(clock: Readonly<Record<string, unknown>> | undefined): string {
  const { offsetMs, server } = clock ?? {};
  if (typeof offsetMs !== 'number') return 'not checked';
  return `${formatNumber(offsetMs, 0)} ms${typeof server === 'string' ? ` (${server})` : ''}`;
}
