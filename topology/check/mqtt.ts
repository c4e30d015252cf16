import type { AssembledDevice } from '../assembly.ts';
import type { Entry } from '../draft.ts';
import type { MqttConnection, TopicTemplate } from '../schema/mqtt.ts';
import type { Source } from '../source.ts';
import { embeddedFault } from '../syntax/embedded-address.ts';
import { parseTopic, type TopicPattern } from '../syntax/topic-pattern.ts';

type At = Entry<unknown>['path'];

/** Where the broker is, and topics that lead to a device and a point. */
export function checkMqtt(
  connection: MqttConnection,
  path: At,
  devices: readonly AssembledDevice[],
  source: Source,
): void {
  checkUrl(connection, path, source);
  const filters = new Map<string, string>();
  for (const [index, template] of connection.topics.entries()) {
    const at = [...path, 'topics', index, 'topic'];
    const pattern = readTopic(template.topic, at, source);
    if (pattern === null) continue;
    const same = filters.get(pattern.filter);
    if (same === undefined) filters.set(pattern.filter, template.topic);
    else {
      source.report({
        at,
        code: 'INVALID_TOPIC',
        message: `takes the same topics as "${same}", which comes first: nothing is left for it`,
        suggestion: 'let them differ in a level of plain text, or leave one out',
      });
    }
    checkReach(template, pattern, at, devices, source);
  }
  if (connection.statusTopic !== undefined) checkStatus(connection.statusTopic, filters, path, source);
}

function checkUrl(connection: MqttConnection, path: At, source: Source): void {
  const { url } = connection;
  const at = [...path, 'url'];
  if (url.startsWith('embedded:')) {
    const fault = embeddedFault(connection);
    if (fault) source.report({ at, code: 'INVALID_URL', ...fault });
    for (const key of ['clientId', 'ca', 'certificate', 'key', 'sharedGroup'] as const) {
      if (connection[key] === undefined) continue;
      const message = `${key} is for a client, and here we are the broker`;
      source.report({ at: [...path, key], atKey: true, code: 'SETTING_WITHOUT_EFFECT', severity: 'warning', message });
    }
    return;
  }
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || parsed.hostname === '') {
    source.report({
      at,
      code: 'INVALID_URL',
      message: `"${url}" names no host and port`,
      suggestion: 'mqtt://host:1883',
    });
    return;
  }
  if (parsed.password !== '' || parsed.username !== '') {
    const message = 'user and password stand in the address, where everybody reads them';
    source.report({ at, code: 'INVALID_URL', message, suggestion: 'use the keys user and password' });
  }
  if ((connection.certificate === undefined) !== (connection.key === undefined)) {
    const given = connection.key === undefined ? 'certificate' : 'key';
    const message = `there is a ${given} without the ${given === 'key' ? 'certificate' : 'key'} that belongs to it`;
    source.report({ at: [...path, given], atKey: true, code: 'CREDENTIALS_INCOMPLETE', message });
  }
  const unused = (['ca', 'certificate', 'key'] as const).find((key) => connection[key] !== undefined);
  if (unused === undefined || parsed.protocol === 'mqtts:' || parsed.protocol === 'wss:') return;
  source.report({
    at: [...path, unused],
    atKey: true,
    code: 'SETTING_WITHOUT_EFFECT',
    message: `${parsed.protocol}// is not encrypted: ${unused} is not looked at`,
    suggestion: parsed.protocol === 'ws:' ? 'wss://…' : 'mqtts://…',
  });
}

function readTopic(text: string, at: At, source: Source): TopicPattern | null {
  const parsed = parseTopic(text);
  if ('filter' in parsed) return parsed;
  const { message, suggestion, column } = parsed;
  source.report({ at, code: 'INVALID_TOPIC', message, suggestion, columnInText: column });
  return null;
}

/** Whether a message on such a topic can be told to be of one device, and one point where it holds one value. */
function checkReach(
  { payload }: TopicTemplate,
  { placeholders }: TopicPattern,
  at: At,
  devices: readonly AssembledDevice[],
  source: Source,
): void {
  const names = placeholders.includes('device') || placeholders.includes('asset');
  if (!names && devices.length > 1 && payload !== 'envelope') {
    source.report({
      at,
      code: 'INVALID_TOPIC',
      message: `the topic does not say which of the ${devices.length} devices a message is of`,
      suggestion: 'put {device} where its name stands',
    });
  }
  if (payload !== 'value' || placeholders.includes('tag')) return;
  const several = devices.find(({ incomplete, points }) => !incomplete && points.size > 1);
  if (several === undefined) return;
  source.report({
    at,
    code: 'INVALID_TOPIC',
    message: `the topic does not say which of the ${several.points.size} points of ${several.device.id} the value is`,
    suggestion: 'put {tag} where the name of the point stands',
  });
}

function checkStatus(text: string, filters: ReadonlyMap<string, string>, path: At, source: Source): void {
  const at = [...path, 'statusTopic'];
  const pattern = readTopic(text, at, source);
  if (pattern === null) return;
  if (!pattern.placeholders.includes('device')) {
    const message = 'the topic does not say which device is online or offline';
    source.report({ at, code: 'INVALID_TOPIC', message, suggestion: 'put {device} where its name stands' });
  }
  const same = filters.get(pattern.filter);
  if (same === undefined) return;
  const message = `takes the same topics as "${same}": no reading would be left`;
  source.report({ at, code: 'INVALID_TOPIC', message, suggestion: 'a topic of its own' });
}
