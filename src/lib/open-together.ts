/** A resource that must be closed. */
export interface Closable {
  close(): unknown;
}

type Opened<Parts extends readonly unknown[]> = { -readonly [Index in keyof Parts]: Awaited<Parts[Index]> };

/** Waits for all of them. When one cannot be opened, those that were are closed again, and its error is thrown. */
export async function openTogether<Parts extends readonly Promise<Closable | undefined>[]>(
  ...parts: Parts
): Promise<Opened<Parts>> {
  const results = await Promise.allSettled(parts);
  const failed = results.find((result) => result.status === 'rejected');
  const opened = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  if (!failed) return opened as Opened<Parts>;
  await closeAll(opened);
  throw failed.reason;
}

/** Never rejects: a resource that cannot be closed cleanly ends with the process. */
export async function closeAll(opened: readonly (Closable | undefined)[]): Promise<void> {
  await Promise.allSettled(opened.map(async (part) => part?.close()));
}
