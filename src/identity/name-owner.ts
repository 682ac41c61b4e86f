/** Decides whether a consumer may be found by its name; read from its row in `users`, if any. */
export interface NameOwner {
  readonly id: string;
  /** The administrator who vouches for the address of an account; null if none does. */
  readonly vouched_by: string | null;
}

/** Ids of consumers that the database makes. */
const STORED_ID = /^(con|usr)_/;
const USER_ID = /^usr_/;

/** True when the text has the form of the id of a stored consumer: names must not have it. */
export function isStoredId(text: string): boolean {
  return STORED_ID.test(text);
}

/** True if the consumer can log in here. */
export function isUserId(consumerId: string): boolean {
  return USER_ID.test(consumerId);
}

/**
 * True if the name of the consumer identifies it. At sign-up people choose an address that nobody has verified, so the
 * account owns its id and never its address.
 */
export function ownsName({ id, vouched_by: vouchedBy }: NameOwner): boolean {
  return !isUserId(id) || vouchedBy !== null;
}
