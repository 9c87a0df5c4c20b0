/** Style sheet and script of the page. Constants: nothing from a run may enter either. */

export const PAGE_STYLE = `
:root{--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d1d9e0;--soft:#f6f8fa;--block:#b3261e;--unverified:#8a5a00;--allow:#1a6e34;--link:#0757b8}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9aa4af;--line:#363c44;--soft:#161b22;--block:#ff8a80;--unverified:#e8b44c;--allow:#6fd08c;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1rem;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem}h3{font-size:1.05rem;margin:0 0 .5rem;overflow-wrap:anywhere}h4{font-size:.95rem;margin:1rem 0 .25rem}
header p,footer p,small,.share,figcaption,.lane{color:var(--dim)}small,.share,figcaption,.lane{font-size:.85rem}
a{color:var(--link)}:focus-visible{outline:3px solid var(--link);outline-offset:2px}
code,pre{font:.85rem/1.45 ui-monospace,monospace}code{overflow-wrap:anywhere}
pre{margin:.25rem 0;padding:.5rem;background:var(--soft);border:1px solid var(--line);border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
.summary,.legend{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;padding:0;list-style:none}.summary b{font-size:1.5rem}
.block b,td.block,.card.block .label{color:var(--block)}.unverified b,td.unverified,.card.unverified .label{color:var(--unverified)}.allow b,td.allow,.card.allow .label{color:var(--allow)}
td.block,td.unverified{font-weight:600}
.notice{border-left:4px solid var(--unverified);padding-left:.75rem}
.card{border:1px solid var(--line);border-left-width:6px;border-radius:6px;padding:1rem;margin:1rem 0;content-visibility:auto;contain-intrinsic-size:auto 30rem}
.card.block{border-left-color:var(--block)}.card.unverified{border-left-color:var(--unverified)}
.label{font-weight:700}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem .75rem;margin:0}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
figure{margin:1rem 0 0;overflow-x:auto}details{margin:.5rem 0 0;font-size:.85rem}summary{cursor:pointer}.lane{margin:.4rem 0 .1rem}.legend{gap:.25rem 1rem;margin:.5rem 0 0;font-size:.85rem}
svg{display:block;max-width:none}svg text{font:10px ui-monospace,monospace;text-anchor:middle;fill:#fff;pointer-events:none}
.key{display:inline-block;width:1.2em;text-align:center;color:#fff;border-radius:2px}
.dR rect{fill:#2f6fb0}.dD rect{fill:#b0472f}.dE rect{fill:#7a52b3}.dP rect{fill:#a3305f}.dS rect{fill:#8a6200}.dX rect{fill:#444}.dV rect{fill:#2c7a6b}.dC rect{fill:#6b5b4b}.dO rect{fill:#5b6670}
.key.dR{background:#2f6fb0}.key.dD{background:#b0472f}.key.dE{background:#7a52b3}.key.dP{background:#a3305f}.key.dS{background:#8a6200}.key.dX{background:#444}.key.dV{background:#2c7a6b}.key.dC{background:#6b5b4b}.key.dO{background:#5b6670}
.weighty rect{stroke:var(--fg);stroke-width:2.5}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line)}td:first-child{overflow-wrap:anywhere;min-width:12rem}
th{position:sticky;top:0;background:var(--bg)}th button{font:inherit;font-weight:700;color:inherit;background:none;border:0;padding:0;cursor:pointer}
th[aria-sort=ascending] button::after{content:" ▲"}th[aria-sort=descending] button::after{content:" ▼"}
input{font:inherit;padding:.2rem .4rem;background:var(--bg);color:var(--fg);border:1px solid var(--dim);border-radius:4px}
@media print{.card{content-visibility:visible;break-inside:avoid}}
`;

export const PAGE_SCRIPT = `
'use strict';
const table = document.getElementById('packages');
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];
const valueOf = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
};
heads.forEach((head, column) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener('click', () => {
    const up = head.getAttribute('aria-sort') !== 'ascending';
    heads.forEach((other) => other.setAttribute('aria-sort', 'none'));
    head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  });
});
const filter = document.getElementById('filter');
const shown = document.getElementById('shown');
filter.closest('p').hidden = false;
filter.addEventListener('input', () => {
  const wanted = filter.value.toLowerCase();
  let count = 0;
  for (const row of body.rows) {
    const hit = row.cells[0].textContent.toLowerCase().includes(wanted);
    row.hidden = !hit;
    if (hit) count++;
  }
  shown.textContent = count + ' shown';
});
`;
