import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonText, UnusableText } from '../../../gateways/json-text.ts';

test('JSON of clients is taken as it is, escapes and all', () => {
  assert.deepEqual(parseJsonText('{"a":"\\u00e9\\ud83d\\ude00\\\\u0000","b":[1,null]}'), {
    a: 'é😀\\u0000',
    b: [1, null],
  });
});

test('a NUL or half a surrogate pair is refused, wherever it stands', () => {
  for (const text of ['"\\u0000"', '{"a":["x\\ud800y"]}', '{"\\udc00":1}', '"\\ude00\\ud83d"'])
    assert.throws(() => parseJsonText(text), UnusableText, text);
  assert.throws(() => parseJsonText('{"a":'), SyntaxError);
});
