import type { Knex } from 'knex';
import { type AuditRow, type ChainHead, EMPTY_CHAIN, sealRow } from './chain.ts';
import { AUDIT_TABLE } from './record-audit.ts';

/** The first place at which the log is not what was sealed. */
export interface ChainBreak {
  readonly position: number;
  /** `undefined` when the row is gone. */
  readonly row: AuditRow | undefined;
}

export interface ChainReport {
  /** The last link that is in order. */
  readonly head: ChainHead;
  /** Rows written lately that have no seal yet, or none as long as no gateway runs. */
  readonly unsealed: number;
  readonly broken: ChainBreak | undefined;
}

const BATCH = 1000;

/**
 * Recomputes the whole chain. A changed row, a removed one, one put in between and an exchanged order all break it; that
 * rows are missing at its end shows only against an `anchor`, a head that was noted down earlier.
 */
export async function verifyChain(reader: Knex, anchor: ChainHead = EMPTY_CHAIN): Promise<ChainReport> {
  const { head, broken } = await followChain(reader, anchor);
  const [count]: { rows: number }[] = await reader(AUDIT_TABLE).whereNull('position').count('* as rows');
  const isCutShort = !broken && head.position < anchor.position;
  return {
    head,
    unsealed: Number(count?.rows ?? 0),
    broken: isCutShort ? { position: head.position + 1, row: undefined } : broken,
  };
}

async function followChain(reader: Knex, anchor: ChainHead): Promise<Pick<ChainReport, 'head' | 'broken'>> {
  let head = EMPTY_CHAIN;
  for (;;) {
    const rows: AuditRow[] = await reader(AUDIT_TABLE)
      .where('position', '>', head.position)
      .orderBy('position')
      .limit(BATCH);
    for (const row of rows) {
      const seal = sealRow(row, head);
      if (row.position !== seal.position) return { head, broken: { position: seal.position, row: undefined } };
      const isAnchor = seal.position === anchor.position;
      if (row.hash !== seal.hash || (isAnchor && seal.hash !== anchor.hash))
        return { head, broken: { position: seal.position, row } };
      head = seal;
    }
    if (rows.length < BATCH) return { head, broken: undefined };
  }
}
