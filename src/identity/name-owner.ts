/** What tells whether a consumer may be found by its name; read from `users`, where it has a row. */
export interface NameOwner {
  readonly id: string;
  /** The administrator who vouches for the address of an account; null when nobody does. */
  readonly vouched_by: string | null;
}

/** Ids of consumers that the database makes. */
const STORED_ID = /^(con|usr)_/;
const USER_ID = /^usr_/;

/** True when the text has the form of the id of a stored consumer: no name may, so that it never stands for somebody. */
export function isStoredId(text: string): boolean {
  return STORED_ID.test(text);
}

/** True when the consumer is somebody who can log in here. */
export function isUserId(consumerId: string): boolean {
  return USER_ID.test(consumerId);
}

/**
 * True when the name of the consumer stands for it. Whoever signs up chooses an address that nobody has verified, so the
 * account owns its id and never its address.
 */
export function ownsName({ id, vouched_by: vouchedBy }: NameOwner): boolean {
  return !isUserId(id) || vouchedBy !== null;
}
