/** What crosses the thread boundary between the SQLite client and its worker: plain data, copied. */

/** A value SQLite can bind. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

export interface SqliteWorkerSettings {
  readonly filename: string;
  readonly readOnly: boolean;
  /** How long SQLite itself waits for a lock inside one try, in milliseconds. */
  readonly busyTimeoutMs: number;
}

export interface SqliteQuestion {
  readonly id: number;
  readonly sql: string;
  readonly values: readonly SqliteValue[];
}

export interface SqliteResult {
  /** Present when the statement returns columns. */
  readonly rows: readonly unknown[] | undefined;
  readonly changes: number;
  readonly lastId: number;
}

/** An Error loses its own properties when it is cloned, so they travel beside it. */
export interface SqliteFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly errcode: number | undefined;
}

export type SqliteAnswer =
  | { readonly id: number; readonly result: SqliteResult }
  | { readonly id: number; readonly failure: SqliteFailure };

/** The id of the answer that says whether the file could be opened. */
export const OPENING = 0;
