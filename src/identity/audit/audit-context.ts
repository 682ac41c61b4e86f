/** The author and origin of a change; every audited write needs it. */
export interface AuditContext {
  /** An actor named below, the id of a consumer, or `cli:<user of the system>`. */
  readonly actor: string;
  /** Address of the client; `undefined` when the change did not come over the network. */
  readonly address: string | undefined;
  /** Id of the request that asked for it, as in the log. */
  readonly requestId: string | undefined;
}

/** The actor for requests with a master key. */
export const MASTER_KEY_ACTOR = 'master_key';

/** The actor for unauthenticated changes, such as sign-up. */
export const ANYBODY_ACTOR = 'anybody';

/** Changes that the gateway makes by itself, such as following its configuration file. */
export const GATEWAY_CONTEXT: AuditContext = { actor: 'gateway', address: undefined, requestId: undefined };
