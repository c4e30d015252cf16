import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SiteView } from '../../../../actors/views.ts';
import { Cells } from '../../../../ui/store/cells.ts';
import type { Hello } from '../../../../ui/store/connection.ts';
import { PageZone, placeOf } from '../../../../ui/store/page-zone.ts';
import { Signal } from '../../../../ui/store/signal.ts';

function zoneOf(zones: Record<string, string>): PageZone {
  const sites = new Cells<SiteView>();
  const pageZone = new PageZone(sites, new Signal<Hello | null>(null));
  sites.replace(Object.entries(zones).map(([id, timeZone]) => ({ id, props: { timeZone } })));
  return pageZone;
}

test('a page of one site has the zone of that site', () => {
  const pageZone = zoneOf({ a: 'Asia/Kolkata', b: 'Europe/Berlin' });
  pageZone.setSite('a');
  assert.equal(pageZone.zone.value, 'Asia/Kolkata');
  pageZone.setSite(null);
  assert.equal(pageZone.zone.value, 'UTC', 'the organization has not said its zone');
  assert.equal(pageZone.several.value, true);
});

test('sites that share a zone give it to the pages of all of them', () => {
  const pageZone = zoneOf({ a: 'Europe/Berlin', b: 'Europe/Berlin' });
  assert.equal(pageZone.zone.value, 'Europe/Berlin');
  assert.equal(pageZone.several.value, false);
});

test('a site that is not known, or whose zone is not, counts as UTC', () => {
  const pageZone = zoneOf({ a: 'Mars/Olympus' });
  assert.equal(pageZone.zoneOf('a'), 'UTC');
  assert.equal(pageZone.zoneOf('nowhere'), 'UTC');
});

test('a zone is called by its place', () => assert.equal(placeOf('America/New_York'), 'New York'));
