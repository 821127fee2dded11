/** Of the report's page: light and dark, narrow and wide, and on paper. Contrast of text is 4.5:1 or more (WCAG 2.2, 1.4.3). */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--ink:#1b2430;--quiet:#566273;--paper:#fff;--ground:#f2f5f8;--line:#d5dce4;--good:#156c34;
--bad:#b3261e;--accent:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf1;--quiet:#a5b1c0;--paper:#1a212b;--ground:#11161d;--line:#364252;
--good:#7fd99a;--bad:#ff9b92;--accent:#7db8f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{margin:0;font-size:clamp(1.4rem,5vw,1.9rem);line-height:1.25;overflow-wrap:anywhere}
h2{margin:2.25rem 0 .6rem;font-size:1.15rem}
.lead{margin:.35rem 0 0;font-size:1.05rem;max-width:60rem}
.quiet{margin:.25rem 0 0;color:var(--quiet);font-size:.9rem;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1.5rem 0 0}
.tiles div{display:flex;flex-direction:column-reverse;background:var(--paper);border:1px solid var(--line);border-radius:.6rem;
padding:.7rem .9rem}
.tiles dt{color:var(--quiet);font-size:.85rem}
.tiles dd{margin:0;font-size:1.6rem;line-height:1.2;font-weight:600;font-variant-numeric:tabular-nums}
.tiles .good dd{color:var(--good)}.tiles .bad dd{color:var(--bad)}
.wide{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:.6rem}
.wide:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{padding:.45rem .55rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tbody tr:last-child td{border-bottom:0}
th{white-space:nowrap;font-weight:600;color:var(--quiet)}
td{white-space:pre-line;overflow-wrap:break-word;min-width:4rem;max-width:34rem}
td:last-child{max-width:none}
td:first-child{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;min-width:0}
td.zero{color:var(--quiet)}td.bad{color:var(--bad);font-weight:600}
tfoot td{font-weight:600;border-top:2px solid var(--line);border-bottom:0}
@media (max-width:40rem){th,td{padding:.4rem .55rem}
td:first-child,th:first-child{position:sticky;left:0;background:var(--paper);max-width:9.5rem}
td:first-child{white-space:pre-line;overflow-wrap:anywhere;min-width:8rem}
.cards thead{position:absolute;left:-100rem}
.cards tr{display:block;padding:.45rem 0;border-bottom:1px solid var(--line)}.cards tbody tr:last-child{border-bottom:0}
.cards td,.cards td:first-child{display:grid;grid-template-columns:6rem 1fr;gap:.6rem;position:static;max-width:none;
padding:.12rem .75rem;border:0;text-align:left;overflow-wrap:anywhere}
.cards td::before{content:attr(data-label);color:var(--quiet)}}
@media print{:root{--ground:#fff}main{max-width:none;padding:0}.wide{overflow:visible}tr{break-inside:avoid}}
`;
