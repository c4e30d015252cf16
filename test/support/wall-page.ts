import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { alarmOf, everyState } from './wall-alarms.ts';
import { healthyScene } from './wall-scene.ts';
import { WallServer } from './wall-server.ts';

/** A fixture server with browser pages on it; everything is closed by `close`. */
export class WallBench {
  readonly server: WallServer;
  readonly browser: Browser;
  /** What the pages complained of: script errors, refused styles, failed loads. */
  readonly complaints: string[] = [];
  /** Addresses outside of the fixture that a page asked for. */
  readonly foreign: string[] = [];

  private constructor(server: WallServer, browser: Browser) {
    this.server = server;
    this.browser = browser;
  }

  /** @param permissions of whoever logs in; all of them unless told. */
  static async open(assets: number, permissions: readonly string[] = ['*']): Promise<WallBench> {
    const server = new WallServer({ scene: healthyScene(assets, Date.now()), permissions });
    const [browser] = await Promise.all([launchChromium(), server.start()]);
    return new WallBench(server, browser);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }

  /** Puts one alarm of every state on the scene. */
  raiseEveryState(): void {
    const now = Date.now();
    for (const plan of everyState(now)) this.server.put(alarmOf(this.server.scene, plan, now));
  }

  /** A wall of its own (its own session and storage) at an address, live; on a computer that stands far from every site. */
  async wall(
    path = '/',
    options: { width?: number; height?: number; colorScheme?: 'dark' | 'light'; timezoneId?: string } = {},
  ): Promise<Page> {
    const { width = 1920, height = 1080, colorScheme = 'dark', timezoneId = 'Pacific/Auckland' } = options;
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme, timezoneId });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/WebSocket|ERR_|401/.test(message.text()))
        this.complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(this.server.url) && !request.url().startsWith('data:'))
        this.foreign.push(request.url());
    });
    // By the link with the key to the overview, and elsewhere with the session that it gives.
    if (path !== '/') await context.addCookies([this.server.session]);
    await page.goto(path === '/' ? this.server.link : this.server.url + path);
    await page.waitForSelector('.link-state.live');
    return page;
  }
}

/** Waits until a condition in the page holds; a failure says what was expected. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 5000): Promise<number> {
  const start = performance.now();
  for (;;) {
    if (await holds()) return performance.now() - start;
    if (performance.now() - start > timeoutMs) assert.fail(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** To another page of the wall as by a link in it: without the load that an address in the bar takes. Resolves when it is drawn. */
export async function follow(page: Page, path: string): Promise<void> {
  await page.evaluate(async (to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
    // Drawing waits for the next frame of the screen; after one more the page before is gone.
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  }, path);
  await until(`${path} with content`, async () => (await page.locator('.loading').count()) === 0);
}
