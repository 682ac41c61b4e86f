import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatedPages } from './publish-docs.ts';

test.each(Object.entries(generatedPages()))(
  '%s is what the code says now (else run npm run generate)',
  async (path, content) => {
    expect(await readFile(join(import.meta.dirname, '..', path), 'utf8')).toBe(content);
  },
);
