import { randomFillSync } from 'node:crypto';

/** Ids per call of the random generator: asking for each one alone costs ten times as much. */
const BATCH = 128;

/** Makes texts of this many random hexadecimal digits (even): 24 digits, 96 bits, are unique without coordination. */
export function createRandomHex(digits: number): () => string {
  const random = Buffer.alloc((BATCH * digits) / 2);
  let text = '';
  let position = 0;
  return () => {
    if (position === text.length) {
      text = randomFillSync(random).toString('hex');
      position = 0;
    }
    position += digits;
    return text.slice(position - digits, position);
  };
}
