import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the page loads, and what the license wants beside it. */
const FILES = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css', 'favicon-32x32.png'];
const LICENSE = ['LICENSE', 'NOTICE'];

/** Puts the files of the API page into the build: an installation without development packages lacks Swagger UI. */
async function copyPageFiles(): Promise<void> {
  const from = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));
  const to = join(import.meta.dirname, '../dist/openapi/swagger-ui');
  await mkdir(to, { recursive: true });
  for (const file of [...FILES, ...LICENSE]) await cp(join(from, file), join(to, file));
  console.log(`copied ${FILES.length + LICENSE.length} files of Swagger UI`);
}

/** The compiler takes no data with it. */
async function copyPriceList(): Promise<void> {
  const file = 'llm/prices/price-list.json';
  const [from, to] = ['src', 'dist'].map((folder) => join(import.meta.dirname, '..', folder, file)) as [string, string];
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

await copyPageFiles();
await copyPriceList();
