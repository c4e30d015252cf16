/**
 * Text as it goes over the network. On Node.js 24 uWebSockets.js (`uwebsockets` 3.0.6) sends a string of Latin-1 characters
 * alone, such as `{"unit":"°C"}`, as it is in memory and not as UTF-8; browsers close a WebSocket over such a frame.
 */
export function utf8(text: string): Uint8Array {
  return Buffer.from(text);
}
