/** A study's report, README.md with its figures, as a page of its own. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { html, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { marked } from 'marked';
import { REPORT_FILE } from './shelf.js';

const figureTypes: Readonly<Record<string, string>> = {
  svg: 'image/svg+xml',
  png: 'image/png',
  webp: 'image/webp',
};

export async function reportPage(name: string, folder: string): Promise<HtmlEscapedString> {
  const body = await marked.parse(await readFile(join(folder, REPORT_FILE), 'utf8'));
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${name}</title>
        <link rel="icon" href="/icon.svg" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <main class="report">
          <p><a href="/">← Runs and datasets</a></p>
          ${raw(body)}
        </main>
      </body>
    </html>`;
}

/** A figure of the report; undefined where the folder has none of that name. */
export async function reportFigure(
  folder: string,
  file: string,
): Promise<{ readonly type: string; readonly bytes: Buffer } | undefined> {
  const type = figureTypes[file.slice(file.lastIndexOf('.') + 1)];
  if (type === undefined || !(await readdir(folder)).includes(file)) return undefined;
  return { type, bytes: await readFile(join(folder, file)) };
}
