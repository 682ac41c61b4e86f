// Certificates for localhost and 127.0.0.1 that tests may serve with; valid until 2126, worth nothing elsewhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'certificates');
const path = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(path(name), 'utf8');

export const authority = { path: path('authority.pem'), pem: text('authority.pem') };
export const served = { cert: text('localhost.pem'), key: text('localhost.key') };
/** Another certificate of the same authority. */
export const renewed = { cert: text('renewed.pem'), key: text('renewed.key') };
