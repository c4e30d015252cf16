import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Cookie, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { until } from './wall-page.ts';

/** `signalbox start` with its demo plant in a process of its own, and a browser in front of it; ended by `close`. */
export class WallOnProduct {
  readonly process: ChildProcess;
  readonly link: string;
  readonly #browser: Browser;
  readonly #folder: string;
  #session: Cookie[] = [];
  /** What the pages complained of: script errors, refused styles, failed loads. */
  readonly complaints: string[] = [];

  private constructor(product: ChildProcess, link: string, browser: Browser, folder: string) {
    this.process = product;
    this.link = link;
    this.#browser = browser;
    this.#folder = folder;
  }

  /** @param scenario what goes wrong in the demo plant; without it what goes wrong there otherwise */
  static async open(scenario?: string): Promise<WallOnProduct> {
    assert.ok(existsSync(new URL('../../dist/cli/signalbox.js', import.meta.url)), 'run npm run build first');
    const folder = await mkdtemp(join(tmpdir(), 'wall-product-'));
    const file = join(folder, 'scenario.yaml');
    if (scenario !== undefined) await writeFile(file, scenario);
    const [http, modbus, opcua, mqtt] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const product = spawn(
      process.execPath,
      ['bin/signalbox.mjs', 'start', '--port', String(http), '--data', join(folder, 'data')],
      {
        env: {
          ...process.env,
          SIMULATOR_MODBUS_PORT: String(modbus),
          SIMULATOR_OPCUA_PORT: String(opcua),
          SIMULATOR_MQTT_PORT: String(mqtt),
          ...(scenario !== undefined && { SIMULATOR_SCENARIO: file }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const browser = launchChromium();
    let printed = '';
    product.stdout?.on('data', (chunk) => (printed += chunk));
    product.stderr?.on('data', (chunk) => (printed += chunk));
    const isReady = () => {
      if (product.exitCode !== null) assert.fail(`the product ended: ${printed}`);
      return /http\S+#key=\S+/.test(printed);
    };
    await until('the link with the key', isReady, 60_000);
    const link = /http\S+#key=\S+/.exec(printed)?.[0] ?? '';
    return new WallOnProduct(product, link, await browser, folder);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    if (this.process.exitCode === null) {
      this.process.kill('SIGTERM');
      const killer = setTimeout(() => this.process.kill('SIGKILL'), 8000);
      await once(this.process, 'exit');
      clearTimeout(killer);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A wall of its own at an address, live; the first by the link with the key, all others with the session that it gave. */
  async wall(path: string): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1920, height: 1080 }, colorScheme: 'dark' });
    if (this.#session.length > 0) await context.addCookies(this.#session);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/WebSocket|ERR_/.test(message.text())) this.complaints.push(message.text());
    });
    const isFirst = this.#session.length === 0;
    await page.goto(isFirst ? this.link : new URL(path, this.link).href);
    await page.waitForSelector('.link-state.live');
    if (!isFirst) return page;
    this.#session = await context.cookies();
    if (path !== '/') {
      await page.goto(new URL(path, this.link).href);
      await page.waitForSelector('.link-state.live');
    }
    return page;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
