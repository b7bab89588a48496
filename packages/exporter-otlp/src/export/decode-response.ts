// SPDX-License-Identifier: Apache-2.0
/** Reads the two small messages that a receiver answers with. Bytes that make no sense read as an empty message. */

/** The receiver took the request, but not all of its spans; or it took all and has a warning. */
export interface PartialSuccess {
  readonly rejectedSpans: number;
  readonly message: string;
}

type Field = { readonly number: number; readonly value: number | Buffer };

/** ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1, error_message = 2 } } */
export function decodeTraceResponse(body: Buffer): PartialSuccess | undefined {
  const partial = readFields(body).find((field) => field.number === 1)?.value;
  if (!(partial instanceof Buffer)) return undefined;
  let rejectedSpans = 0;
  let message = '';
  for (const { number, value } of readFields(partial)) {
    if (number === 1 && typeof value === 'number') rejectedSpans = value;
    if (number === 2 && value instanceof Buffer) message = value.toString('utf8');
  }
  return rejectedSpans === 0 && message === '' ? undefined : { rejectedSpans, message };
}

/** google.rpc.Status { message = 2 }, the body of OTLP/HTTP errors. */
export function decodeStatusMessage(body: Buffer): string {
  const message = readFields(body).find((field) => field.number === 2)?.value;
  return message instanceof Buffer ? message.toString('utf8') : '';
}

/** The fields of one message, up to the first that makes no sense. */
function readFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let pos = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; pos < bytes.length; scale *= 128) {
      const byte = bytes[pos++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (pos < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    const size = wire === 0 ? 0 : wire === 1 ? 8 : wire === 2 ? varint() : wire === 5 ? 4 : Number.NaN;
    const value = wire === 0 ? varint() : bytes.subarray(pos, pos + size);
    if (Number.isNaN(size) || Number.isNaN(value) || pos + size > bytes.length) break;
    fields.push({ number: tag >>> 3, value });
    pos += size;
  }
  return fields;
}
