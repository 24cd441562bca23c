/** A one-page HTML report: text, tables, charts and videos, without a script and without anything from a network. */

export type ReportBlock =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      /** Numbers stand right, text left. */
      readonly rows: readonly (readonly (string | number)[])[];
      /** The row that the reader should see first. */
      readonly highlight?: number;
    }
  | { readonly kind: 'chart'; readonly svg: string; readonly caption?: string }
  | {
      readonly kind: 'videos';
      /** `source` is a path from the report's folder: a video, or an animated image. */
      readonly items: readonly {
        readonly source: string;
        readonly title: string;
        readonly caption: string;
      }[];
    }
  | { readonly kind: 'code'; readonly text: string }
  /** `target` is a path from the report's folder. */
  | { readonly kind: 'link'; readonly target: string; readonly text: string };

export interface ReportSection {
  readonly heading: string;
  readonly blocks: readonly ReportBlock[];
}

export interface Report {
  readonly title: string;
  /** One or two sentences: what this is, and how it came out. */
  readonly lead: string;
  readonly sections: readonly ReportSection[];
}

export function reportPage({ title, lead, sections }: Report): string {
  const body = sections.map(
    ({ heading, blocks }) =>
      `<section>\n<h2>${escapeHtml(heading)}</h2>\n${blocks.map(block).join('\n')}\n</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(lead)}</p>
${body.join('\n')}
</main>
</body>
</html>
`;
}

function block(content: ReportBlock): string {
  switch (content.kind) {
    case 'text':
      return `<p>${escapeHtml(content.text)}</p>`;
    case 'code':
      return `<pre>${escapeHtml(content.text)}</pre>`;
    case 'link':
      return `<p><a href="${escapeHtml(encodeURI(content.target))}">${escapeHtml(content.text)}</a></p>`;
    case 'chart':
      return `<figure>${content.svg}${caption(content.caption)}</figure>`;
    case 'table':
      return table(content);
    case 'videos':
      return `<div class="videos">${content.items.map(video).join('')}</div>`;
  }
}

function table({ head, rows, highlight }: Extract<ReportBlock, { kind: 'table' }>): string {
  const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const cells = (tag: 'th' | 'td', row: readonly (string | number)[]): string =>
    row
      .map(
        (cell, column) =>
          `<${tag}${isNumber[column] ? ' class="number"' : ''}>${escapeHtml(String(cell))}</${tag}>`,
      )
      .join('');
  const lines = rows.map(
    (row, number) => `<tr${number === highlight ? ' class="highlight"' : ''}>${cells('td', row)}</tr>`,
  );
  return `<table>\n<thead><tr>${cells('th', head)}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table>`;
}

function video({ source, title, caption: text }: { source: string; title: string; caption: string }): string {
  const url = escapeHtml(encodeURI(source));
  const picture = /\.(mp4|webm)$/i.test(source)
    ? `<video src="${url}" autoplay loop muted playsinline controls></video>`
    : `<img src="${url}" alt="${escapeHtml(title)}">`;
  return `<figure>${picture}<figcaption><strong>${escapeHtml(title)}</strong><br>${escapeHtml(text)}</figcaption></figure>`;
}

function caption(text: string | undefined): string {
  return text === undefined ? '' : `<figcaption>${escapeHtml(text)}</figcaption>`;
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

const style = `
:root { color: #24292f; background: #fff; font: 16px/1.55 Inter, system-ui, Helvetica, Arial, sans-serif; }
main { max-width: 760px; margin: 48px auto 96px; padding: 0 20px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 12px; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 40px 0 10px; }
.lead { font-size: 1.1rem; color: #57606a; margin: 0 0 24px; }
figure { margin: 16px 0; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { color: #57606a; font-size: 0.88rem; margin-top: 6px; }
figcaption strong { color: #24292f; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 10px; border-bottom: 1px solid #d8dee4; }
th { color: #57606a; font-weight: 600; font-size: 0.88rem; }
.number { text-align: right; }
.highlight td { font-weight: 600; background: #eef6fb; }
.videos { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px; margin: 20px 0; }
.videos figure { margin: 0; }
.videos video, .videos img { width: 100%; border-radius: 6px; display: block; background: #eee; }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px 14px; overflow-x: auto; font-size: 0.85rem; line-height: 1.5; }
`;
