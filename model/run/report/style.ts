/** The style sheet of reports: light and dark, from narrow screens to wide ones, with colours that the colour-blind tell apart. */

/** Text of the style sheet. Series are Okabe and Ito's colours (https://jfly.uni-koeln.de/color/). */
export const STYLE = `
:root{color-scheme:light dark;--text:#222;--soft:#5b5b5b;--page:#fff;--panel:#f5f5f5;--grid:#dcdcdc;--right:#00694e;--wrong:#b03a00;
--c1:#0072b2;--c2:#e69f00;--c3:#009e73;--c4:#cc79a7;--c5:#d55e00;--c6:#56b4e9;--c7:#8a7a00;--c8:#777}
@media(prefers-color-scheme:dark){:root{--text:#e4e4e4;--soft:#a8a8a8;--page:#161616;--panel:#222;--grid:#3d3d3d;--right:#4fd1a5;--wrong:#ff9a63;
--c1:#4ba3dd;--c2:#f0b53a;--c3:#2fc698;--c4:#df98bd;--c5:#f07a33;--c6:#8accf2;--c7:#e5d84a;--c8:#aaa}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;max-width:100rem;margin:0 auto;padding:1rem;color:var(--text);background:var(--page);overflow-wrap:anywhere}
main{max-width:62rem;margin:0 auto}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .2rem}
p.note{margin:.1rem 0 .6rem;color:var(--soft);max-width:46rem}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.8rem 0}dt{color:var(--soft)}dd{margin:0}
.scroll{overflow-x:auto;overflow-wrap:normal}
table{border-collapse:collapse}th,td{padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
pre{background:var(--panel);padding:1rem;overflow:auto}a{color:var(--c1)}
svg{max-width:100%;height:auto}.slim{display:none}
@media(max-width:640px){.broad{display:none}.slim{display:block}th,td{padding-right:.5rem;font-size:.85rem}}
summary{cursor:pointer;font-weight:600;margin-top:1.2rem}summary.s{margin:0;font-weight:400;font-size:.85rem}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem;align-items:start}
.pictures.pairs{grid-template-columns:repeat(auto-fill,minmax(min(100%,40rem),1fr))}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.5rem}@media(max-width:640px){.pair{grid-template-columns:1fr}}
figure{margin:0}figcaption{font-size:.85rem;color:var(--soft)}
.zoom{display:block;cursor:zoom-in}.zoom>input{position:absolute;opacity:0}.zoom>svg{display:block;width:100%}
.zoom>input:focus-visible+svg{outline:2px solid var(--c1)}
.zoom>input:checked+svg{position:fixed;inset:0;z-index:9;width:100vw;height:100vh;max-width:none;background:var(--page);cursor:zoom-out}
.box rect{fill:transparent}.tag{pointer-events:none}.tag.asked{display:none}.box:hover .tag.asked{display:block}.box:hover rect.f{stroke-width:3;fill:#fff2}
.tag text{fill:#fff}.right rect.f{stroke:#007a5a}.wrong rect.f{stroke:#c04a00}
.right .tag rect,.tag.right rect{fill:#007a5a}.wrong .tag rect,.tag.wrong rect{fill:#c04a00}
table.x{font-size:.8rem}table.x td,table.x th{padding:.15rem .5rem .15rem 0}.w{height:3px;background:var(--c4)}
td.right{color:var(--right)}td.wrong{color:var(--wrong)}
`.replace(/\n/g, "");
