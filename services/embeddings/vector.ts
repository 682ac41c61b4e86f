import { createHash } from 'node:crypto';

/** A vector of length 1 that depends on the text alone: the same text gives the same numbers on every machine. */
export function embed(text: string, dimensions: number): number[] {
  const seed = createHash('sha256').update(text).digest();
  const next = xorshift32(seed.readUInt32LE(0) || 1);
  const raw = Array.from({ length: dimensions }, () => next() / 2 ** 31 - 1);
  const norm = Math.hypot(...raw);
  return raw.map((value) => value / norm);
}

/** Little-endian 32-bit floats in base64: the default format of OpenAI's clients. */
export function toBase64(vector: number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString('base64');
}

/** Marsaglia, "Xorshift RNGs" (2003): whole numbers from 1 to 2³² − 1. */
function xorshift32(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
