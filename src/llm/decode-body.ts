import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** Of a decoded body; what is larger is not worth stopping everything else for. */
const MOST_DECODED_BYTES = 8 * 1024 * 1024;

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Buffer;

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
]);

/** The body without its content coding (RFC 9110 section 8.4); `undefined` when it cannot be read or is too large. */
export function decodeBody(body: Buffer, coding: string): Buffer | undefined {
  const decode = DECODERS.get(coding.toLowerCase());
  try {
    return decode?.(body, { maxOutputLength: MOST_DECODED_BYTES });
  } catch {
    return undefined;
  }
}
