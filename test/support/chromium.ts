import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium, without a sandbox (containers) and without calls home. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--autoplay-policy=user-gesture-required',
    ],
  });
}
