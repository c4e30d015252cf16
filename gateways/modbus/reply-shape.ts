/**
 * What the reply to a request must look like. Both transports check replies against it, so that an answer to another question
 * never becomes a value.
 */
export interface ReplyShape {
  readonly unit: number;
  readonly functionCode: number;
  /** Unit, function code and data, without a checksum. */
  readonly length: number;
  /** Of the data of a read; 0 for writes. */
  readonly byteCount: number;
}

/** Of a request that begins with the unit. */
export function replyShape(request: Buffer): ReplyShape {
  const unit = request.readUInt8(0);
  const functionCode = request.readUInt8(1);
  if (functionCode === 1 || functionCode === 2) {
    const byteCount = Math.ceil(request.readUInt16BE(4) / 8);
    return { unit, functionCode, length: 3 + byteCount, byteCount };
  }
  if (functionCode === 3 || functionCode === 4) {
    const byteCount = request.readUInt16BE(4) * 2;
    return { unit, functionCode, length: 3 + byteCount, byteCount };
  }
  return { unit, functionCode, length: functionCode === 22 ? 8 : 6, byteCount: 0 };
}

export const EXCEPTION_LENGTH = 3;

/** Whether the `length` bytes at `start` (unit first, no checksum) answer the request. */
export function matchesShape(shape: ReplyShape, bytes: Buffer, start: number, length: number): boolean {
  if (bytes[start] !== shape.unit) return false;
  const code = bytes[start + 1];
  if (code === (shape.functionCode | 0x80)) return length === EXCEPTION_LENGTH;
  if (code !== shape.functionCode || length !== shape.length) return false;
  return shape.byteCount === 0 || bytes[start + 2] === shape.byteCount;
}
