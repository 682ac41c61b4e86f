import { type ChainHead, EMPTY_CHAIN } from '../../identity/audit/chain.ts';
import { type ChainBreak, verifyChain } from '../../identity/audit/verify-chain.ts';
import { listPendingMigrations } from '../../storage/migrate.ts';
import { UsageError } from '../failure.ts';
import { withDatabase } from '../with-database.ts';

interface VerifyOptions {
  readonly config: string;
  readonly anchor?: string;
}

/** Prints the head of a chain that is in order: noted down elsewhere, it shows later that nothing was cut off. */
export async function verifyAudit(options: VerifyOptions): Promise<void> {
  const anchor = options.anchor === undefined ? EMPTY_CHAIN : anchorOf(options.anchor);
  await withDatabase(options.config, { create: false }, async (database) => {
    if ((await listPendingMigrations(database)).length > 0)
      throw new UsageError('The database is not of this release yet: run `turnpike migrate` first.');
    const { head, unsealed, broken } = await verifyChain(database.reader, anchor);
    if (broken) throw new UsageError(`The audit log is broken at position ${broken.position}: ${describe(broken)}.`);
    console.log(`${head.position}:${head.hash}`);
    console.error(`${head.position} rows are as they were sealed; ${unsealed} wait for their seal.`);
  });
}

function describe({ row }: ChainBreak): string {
  if (!row) return 'the row is missing';
  const { id, action, subject, actor, created_at: at } = row;
  return `row ${id} (${action} of ${subject} by ${actor}, ${new Date(at).toISOString()}) is not what was sealed`;
}

function anchorOf(text: string): ChainHead {
  const [, position, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (position === undefined || hash === undefined)
    throw new UsageError('--anchor must be a head as `turnpike audit verify` prints it');
  return { position: Number(position), hash };
}
