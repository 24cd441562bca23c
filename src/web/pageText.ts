/** The page's document. */
import type { PageSettings } from './content.js';

const MARK = '<meta name="generator" content="rlpd-pixels">';

/** Whether a document is such a page. */
export function isPage(text: string): boolean {
  return text.slice(0, 1000).includes(MARK);
}

/** @param program a module, which lies in the page itself: a browser loads none from a file. */
export function pageText({ title, words }: PageSettings, program: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${MARK}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; connect-src data:">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5d6778; --paper: #f6f7f9; --line: #d5dae2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --quiet: #9aa4b5; --paper: #14181f; --line: #323a47; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 0.25rem 0 0.75rem; color: var(--quiet); }
canvas { display: block; width: 100%; image-rendering: auto; border-radius: 6px; background: #223; }
#picture { aspect-ratio: 4 / 3; max-height: 72vh; width: min(100%, 96vh); margin: 0 auto; touch-action: none; cursor: grab; }
#picture:active { cursor: grabbing; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin: 0.75rem 0; }
#said { flex: 1 1 14rem; font-variant-numeric: tabular-nums; }
button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 6px; padding: 0.3rem 0.8rem; cursor: pointer; }
button:hover { border-color: var(--quiet); }
#seen { display: flex; flex-wrap: wrap; gap: 1rem; }
#seen canvas { width: 8rem; image-rendering: pixelated; }
figure { margin: 0; }
figcaption, h2 { font-size: 0.85rem; color: var(--quiet); font-weight: normal; margin: 0.25rem 0; }
</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(words)}</p>
<canvas id="picture" aria-label="The task, as it is simulated"></canvas>
<div class="bar">
<span id="said" role="status"></span>
<button id="pause" type="button">Pause</button>
<button id="again" type="button">Another episode</button>
<button id="look" type="button">Camera as before</button>
</div>
<p>Drag a body to disturb it. Drag beside it to turn the camera; the wheel brings it nearer. Space pauses.</p>
<section id="eyes" hidden>
<h2>What the policy sees</h2>
<div id="seen"></div>
</section>
</main>
<script type="module">
${program}
</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}
