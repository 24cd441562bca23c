/** A headless Chromium for the tests of the page. What it asks for and what goes wrong in it is kept. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findProgram, needing } from '../programs.js';

const program = findProgram('chromium', 'chromium-browser', 'google-chrome');
export const needingBrowser = needing(program, 'chromium');

export interface Visit {
  readonly page: Page;
  /** Addresses of everything that was asked for. */
  readonly requests: readonly string[];
  /** Errors of scripts, and what the page's policy refused. */
  readonly complaints: readonly string[];
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: program ?? 'chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/** Opens an address in a window of its own, which is closed after the test. */
export async function visit(
  t: TestContext,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  t.after(() => context.close());
  // A machine may be busy with others.
  context.setDefaultTimeout(0);
  const page = await context.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, requests, complaints };
}

/** Checks what must hold wherever a person has been. */
export function assertClean({ requests, complaints }: Visit, url: string): void {
  assert.deepEqual(complaints, []);
  assert.ok(requests.length > 3);
  assert.deepEqual(
    requests.filter((address) => !address.startsWith(url)),
    [],
  );
}

export async function waitForText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}

/** What has to be scrolled sideways, but for tables of settings, which may be as wide as they are. */
export function sideways(page: Page): Promise<unknown> {
  return page.evaluate(`[document.documentElement, ...document.querySelectorAll('body, body *')]
    .filter((element) => element.scrollWidth > element.clientWidth && !element.closest('.scroll'))
    .filter((element) => element === document.documentElement || /auto|scroll/.test(getComputedStyle(element).overflowX))
    .map((element) => element.tagName + '.' + element.className)`);
}
