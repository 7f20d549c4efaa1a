"""The style sheet of a page: light and dark, wide and narrow, screen and paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4;
  --band: #f6f8fa; --shade: #1b1f2433;
  --gold: #b58900; --silver: #7d8791; --bronze: #99592b; --median: #57606a;
  --agent0: #0b68ad; --agent1: #c2490a; --agent2: #047857; --agent3: #a0387f; --agent4: #5b50c9;
  --agent5: #6b6200;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --ink: #e6e9ee; --soft: #a2abb6; --line: #363c45;
    --band: #1d2128; --shade: #0009;
    --gold: #e3b93c; --silver: #b3bcc7; --bronze: #cd8350; --median: #a2abb6;
    --agent0: #62b0f0; --agent1: #ff9b5c; --agent2: #45cf9f; --agent3: #ee8ecb; --agent4: #aca6ff;
    --agent5: #d9c84e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 80rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 3rem 0 .75rem; }
p { max-width: 46rem; margin: .5rem 0; }
.lede { color: var(--soft); margin-bottom: 1.5rem; }
.method { color: var(--soft); font-size: .9rem; margin-bottom: 2rem; }
.notes {
  border-left: 4px solid var(--agent1); background: var(--band); padding: .6rem 1rem;
  margin: 1rem 0;
}
.notes h2 { font-size: 1rem; margin: 0; }
.notes ul { margin: .25rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.scroll {
  overflow-x: auto; margin: 1rem 0;
  /* Shadows at the sides where there is more to be seen; their covers move with the table. */
  background:
    linear-gradient(to right, var(--paper) 50%, transparent) 0 0 / 3rem 100% no-repeat local,
    linear-gradient(to left, var(--paper) 50%, transparent) 100% 0 / 3rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) 0 0 / .9rem 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) 100% 0 / .9rem 100% no-repeat scroll;
}
.scroll:focus-visible { outline: 2px solid var(--agent0); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
caption b { display: inline-block; max-width: min(60rem, calc(100vw - 2.5rem)); }
th, td { padding: .28rem .45rem; text-align: left; vertical-align: top; white-space: nowrap; }
thead th {
  white-space: normal; vertical-align: bottom; border-top: 2px solid var(--ink);
  border-bottom: 1px solid var(--ink);
}
tbody tr.first > * { border-top: 1px solid var(--line); }
tbody tr:first-child > * { border-top: 0; }
tbody tr:last-child > *, tbody th[rowspan] { border-bottom: 0; }
tbody { border-bottom: 2px solid var(--ink); }
tbody th { font-weight: 400; }
.number { text-align: right; }
.attempts td:last-child { white-space: normal; min-width: 18rem; overflow-wrap: anywhere; }
figure { margin: 1rem 0 2.5rem; }
figcaption { font-size: .9rem; max-width: 46rem; margin-top: .6rem; color: var(--soft); }
figcaption b { color: var(--ink); }
.legend {
  display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: 0 0 .6rem;
  padding: 0; font-size: .86rem;
}
.legend li { display: flex; align-items: center; gap: .4rem; overflow-wrap: anywhere; }
.swatch { width: .9rem; height: .9rem; flex: none; }
.swatch.gold { background: var(--gold); }
.swatch.silver { background: var(--silver); }
.swatch.bronze { background: var(--bronze); }
.strips { font-size: .86rem; }
.group { margin: .8rem 0 0; color: var(--soft); }
.group b { color: var(--ink); }
.strip {
  display: grid; grid-template-columns: minmax(6rem, 17rem) minmax(0, 1fr) 6.5rem; gap: 0 1rem;
  align-items: center;
}
.strip .label { text-align: right; overflow-wrap: anywhere; line-height: 1.2; padding: .1rem 0; }
.strip .value { font-variant-numeric: tabular-nums; white-space: nowrap; }
.strip svg { display: block; overflow: visible; }
.side-by-side {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr));
  gap: 1.5rem 2rem;
}
.side-by-side .strip { grid-template-columns: minmax(6rem, 12rem) minmax(0, 1fr) 7rem; }
.panels {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr));
  gap: 1.25rem 1.5rem;
}
.panel p { margin: 0 0 .2rem; font-size: .82rem; overflow-wrap: anywhere; color: var(--soft); }
.panel b { color: var(--ink); display: block; }
.panel svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
svg text.axis-title { fill: var(--ink); }
.grid { stroke: var(--line); stroke-width: 1; }
.whisker { stroke: var(--ink); stroke-width: 1.5; }
.halo { stroke: var(--paper); stroke-width: 4.5; }
.bar { stroke: var(--paper); stroke-width: 1; }
.bar.gold { fill: var(--gold); } .bar.silver { fill: var(--silver); }
.bar.bronze { fill: var(--bronze); }
.threshold { stroke-width: 1.5; stroke-dasharray: 5 3; }
.threshold.gold { stroke: var(--gold); } .threshold.silver { stroke: var(--silver); }
.threshold.bronze { stroke: var(--bronze); }
.threshold.median { stroke: var(--median); stroke-dasharray: 1.5 3; }
.agent0 { --own: var(--agent0); }
.agent1 { --own: var(--agent1); }
.agent2 { --own: var(--agent2); }
.agent3 { --own: var(--agent3); }
.agent4 { --own: var(--agent4); }
.agent5 { --own: var(--agent5); }
.mark path { fill: var(--own); stroke: var(--paper); stroke-width: 1; }
.mark.hollow path { fill: var(--paper); stroke: var(--own); stroke-width: 1.5; }
.mean { stroke: var(--own); stroke-width: 2; }
.curve { fill: none; stroke: var(--own); stroke-width: 1.75; stroke-linejoin: round; }
.band { fill: var(--own); opacity: .16; }
.amount { fill: var(--own); opacity: .35; }
dl {
  display: grid; grid-template-columns: minmax(8rem, 14rem) minmax(0, 1fr); gap: .25rem 1rem;
  font-size: .9rem;
}
dt { color: var(--soft); }
dd { margin: 0; grid-column: 2; overflow-wrap: anywhere; }
summary { cursor: pointer; padding: .3rem 0; }
code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 40rem) {
  body { padding: 1.25rem .9rem 3rem; }
  .strip, .side-by-side .strip { grid-template-columns: minmax(0, 1fr) auto; gap: 0 .6rem; }
  .strip .label { text-align: left; font-size: .82rem; padding-top: .35rem; }
  .strip .value { grid-row: 1; grid-column: 2; align-self: end; font-size: .82rem; }
  .strip svg { grid-column: 1 / -1; }
  .strip.axis .value, .strip.axis .label { display: none; }
  dl { grid-template-columns: 1fr; }
  dt { margin-top: .4rem; }
  dd { grid-column: 1; }
}
@media print {
  body { max-width: none; font-size: 10pt; }
  figure, tr { break-inside: avoid; }
  .scroll { overflow: visible; }
}
"""
