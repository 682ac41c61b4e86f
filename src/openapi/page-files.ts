import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

interface PageFile {
  readonly contentType: string;
  readonly bytes: Buffer;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

/** No validator badge from the internet; the list starts collapsed, because it holds every route. */
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'none',
  displayRequestDuration: true,
  validatorUrl: null,
});
`;

/** A build puts the files here, because a production install lacks the package. */
const BUILT = join(import.meta.dirname, 'swagger-ui');

/** What the page of the API description loads: Swagger UI, and the few lines that start it. */
export class PageFiles {
  /** The largest has 1.7 MB: slow clients share one copy. */
  private readonly loading = new Map<string, Promise<Buffer>>();

  /** `undefined` for every other name. */
  async read(name: string): Promise<PageFile | undefined> {
    if (name === 'start.js') return { contentType: 'text/javascript; charset=utf-8', bytes: Buffer.from(START) };
    const contentType = TYPES.get(name);
    if (contentType === undefined) return undefined;
    const bytes = this.loading.get(name) ?? load(name);
    this.loading.set(name, bytes);
    return { contentType, bytes: await bytes };
  }
}

async function load(name: string): Promise<Buffer> {
  try {
    return await readFile(join(BUILT, name));
  } catch {
    return readFile(createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`));
  }
}
