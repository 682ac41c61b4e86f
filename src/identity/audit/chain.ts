import { hash } from 'node:crypto';
import { canonicalJson } from '../../lib/canonical-json.ts';

/** A row of `audit_log`. `position` and `hash` are null until it is sealed. */
export interface AuditRow {
  readonly id: number;
  readonly created_at: number;
  readonly actor: string;
  readonly address: string | null;
  readonly request_id: string | null;
  readonly action: string;
  readonly subject: string;
  /** Canonical JSON, as the field below. */
  readonly before: string | null;
  readonly after: string | null;
  readonly position: number | null;
  readonly hash: string | null;
}

/** The last link of a chain: what the next one is tied to. */
export interface ChainHead {
  /** 1 for the first row; 0 while there is none. */
  readonly position: number;
  readonly hash: string;
}

export const EMPTY_CHAIN: ChainHead = { position: 0, hash: '0'.repeat(64) };

/**
 * The seal of a row that follows `previous`: SHA-256 in hexadecimal over the canonical JSON (RFC 8785) of its content,
 * its position and the seal before. It covers every row before it as well.
 */
export function sealRow(row: AuditRow, previous: ChainHead): ChainHead {
  const { id, created_at, actor, address, request_id, action, subject, before, after } = row;
  const content = { id, created_at, actor, address, request_id, action, subject, before, after };
  const position = previous.position + 1;
  return { position, hash: hash('sha256', canonicalJson({ ...content, position, previous: previous.hash }), 'hex') };
}
