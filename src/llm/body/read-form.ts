import { Rejection } from '../../errors/rejection.ts';
import type { FormPlace } from '../../exchange/model-call.ts';
import { decisiveField } from './decisive-fields.ts';

/** The text fields of a multipart body, and where the model stands in it. */
export interface FormBody {
  readonly fields: Readonly<Record<string, string>>;
  /** Bytes of all files, which a model hears or sees. */
  readonly fileBytes: number;
  readonly place: FormPlace;
}

const MOST_PARTS = 200;
const MOST_HEAD_BYTES = 4 * 1024;
const LONGEST_FIELD = 1024 * 1024;
const BOUNDARY = /^multipart\/form-data\s*;\s*boundary=(?:"([^"\\]{1,200})"|([^\s";,]{1,200}))\s*$/i;
const DISPOSITION =
  /^content-disposition:[ \t]*form-data((?:;[ \t]*[a-z]+="[^"\\\r\n]*")+)(?:;[ \t]*filename\*=[^\s;"]+)?[ \t]*$/i;
const PARAMETER = /;[ \t]*([a-z]+)="([^"]*)"/gi;

/**
 * Reads a multipart body (RFC 7578) so that no two readers of the same bytes can see different forms: nothing before the
 * first boundary or behind the last, no boundary anywhere else, one plain Content-Disposition per part, no field twice.
 */
export function readForm(contentType: string, bytes: Buffer): FormBody | Rejection {
  const [, quoted, token] = BOUNDARY.exec(contentType.trim()) ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined) return refuse('Content-Type must be multipart/form-data with one boundary.');
  return new FormReader(bytes, `--${boundary}`).read();
}

/** The form with this model in its place. */
export function setFormModel(bytes: Buffer, { from, to, before, behind }: FormPlace, model: string): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(before + model + behind), bytes.subarray(to)]);
}

class FormReader {
  private readonly bytes: Buffer;
  private readonly delimiter: string;
  private readonly fields: Record<string, string> = {};
  private readonly seen = new Set<string>();
  private fileBytes = 0;
  private place: FormPlace;

  constructor(bytes: Buffer, delimiter: string) {
    this.bytes = bytes;
    this.delimiter = delimiter;
    const before = `${delimiter}\r\nContent-Disposition: form-data; name="model"\r\n\r\n`;
    this.place = { from: 0, to: 0, before, behind: '\r\n' };
  }

  read(): FormBody | Rejection {
    const { bytes, delimiter } = this;
    if (bytes.indexOf(delimiter) !== 0) return refuse('The form must begin with its boundary.');
    let at = delimiter.length;
    for (let parts = 0; ; parts++) {
      const sign = bytes.toString('latin1', at, at + 2);
      if (sign === '--') return this.isOver(at + 2) ? this.result() : refuse('Nothing may follow the last boundary.');
      if (sign !== '\r\n' || parts >= MOST_PARTS) return refuse('A boundary is not followed by a part.');
      const next = bytes.indexOf(delimiter, at + 2);
      if (next === -1) return refuse('The form has no last boundary.');
      const fault = this.readPart(at + 2, next - 2);
      if (fault) return fault;
      at = next + delimiter.length;
    }
  }

  private readPart(from: number, to: number): Rejection | undefined {
    const { bytes } = this;
    if (to < from || bytes.toString('latin1', to, to + 2) !== '\r\n')
      return refuse('A boundary does not begin a line.');
    const headEnd = bytes.indexOf('\r\n\r\n', from);
    if (headEnd === -1 || headEnd > to || headEnd - from > MOST_HEAD_BYTES) return refuse('A part has no head.');
    const named = nameOf(bytes.toString('utf8', from, headEnd));
    if (!named) return refuse('Every part needs one plain Content-Disposition: form-data; name="…".');
    const { name, isFile } = named;
    const meant = decisiveField(name);
    if (meant !== undefined) return refuse(`"${shorten(name)}" must be written "${meant}".`);
    if (this.seen.has(name) && !name.endsWith('[]') && !isFile)
      return refuse(`"${shorten(name)}" stands in the form twice.`);
    this.seen.add(name);
    const valueFrom = Math.min(headEnd + 4, to);
    if (isFile) this.fileBytes += to - valueFrom;
    else if (to - valueFrom <= LONGEST_FIELD) this.fields[name] = bytes.toString('utf8', valueFrom, to);
    if (name !== 'model') return undefined;
    if (isFile) return refuse('"model" must be text.');
    this.place = { from: valueFrom, to, before: '', behind: '' };
    return undefined;
  }

  private isOver(at: number): boolean {
    const rest = this.bytes.length - at;
    return rest === 0 || (rest === 2 && this.bytes.toString('latin1', at) === '\r\n');
  }

  private result(): FormBody {
    return { fields: this.fields, fileBytes: this.fileBytes, place: this.place };
  }
}

function nameOf(head: string): { name: string; isFile: boolean } | undefined {
  const lines = head.split('\r\n').filter((line) => /^content-disposition/i.test(line));
  if (lines.length !== 1 || /[\r\n][ \t]|(?<!\r)\n/.test(head)) return undefined;
  const [, written] = DISPOSITION.exec(lines[0] as string) ?? [];
  if (written === undefined) return undefined;
  const parameters = [...written.matchAll(PARAMETER)].map(
    ([, key = '', value = '']) => [key.toLowerCase(), value] as const,
  );
  const names = parameters.filter(([key]) => key === 'name');
  const files = parameters.filter(([key]) => key === 'filename');
  if (names.length !== 1 || files.length > 1 || parameters.length > 2) return undefined;
  return { name: names[0]?.[1] as string, isFile: files.length === 1 };
}

function refuse(detail: string): Rejection {
  return new Rejection('VALIDATION_ERROR', detail);
}

function shorten(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
