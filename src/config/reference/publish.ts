/** Writes what is generated from the configuration schemas: the editor schema and the reference. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { editorSchema } from './editor-schema.ts';
import { asNode } from '../text/normalize.ts';
import { renderReference } from './reference.ts';
import { ConfigFileSchema } from '../schema.ts';

/** Path in the repository → content. */
export function generatedFiles(): Record<string, string> {
  const schema = asNode(ConfigFileSchema);
  return {
    'gateway_config.schema.json': `${JSON.stringify(editorSchema(schema), undefined, 2)}\n`,
    'docs/config-reference.md': renderReference(schema),
  };
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../../..');
  for (const [path, content] of Object.entries(generatedFiles())) {
    await writeFile(join(root, path), content);
    console.log(`wrote ${path}`);
  }
}
