import type { ProviderName } from './model-call.ts';

/** What the header and path rules need to know of a target. */
export interface TargetAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host and port as they stand in a `Host` line. */
  readonly authority: string;
  readonly basePath: string;
  readonly provider: ProviderName;
  readonly credential: { readonly name: string; readonly value: string } | undefined;
}
