import { type HealthConfig, HealthSchema } from '../policies/health/schema.ts';
import type { TimeoutConfig } from '../policies/timeout/schema.ts';
import type { ServiceKind } from './gateway-config.ts';
import { defaultsOf } from './schema-defaults.ts';
import type { Dialect } from './settings-schema.ts';

/** What a service gets when neither it nor `defaults` says otherwise, because of what stands behind it. */
interface KindDefaults {
  readonly dialect: Dialect;
  /** On the paths of the Messages API. */
  readonly messages_dialect: Dialect;
  /** Bytes. */
  readonly body_limit: number;
  /** Milliseconds. */
  readonly timeout: TimeoutConfig;
  /** Milliseconds; 0 = never. */
  readonly keep_alive: number;
  readonly encoded_slash: 'refuse' | 'pass';
  readonly forward_identity: boolean;
  readonly health: HealthConfig | undefined;
}

/**
 * So that `/health` can tell of the inference service. Whether a stranger has such a page is not known, so any answer
 * counts: only a target that gives none is no longer used.
 */
const ANY_ANSWER: HealthConfig = {
  ...(defaultsOf(HealthSchema) as HealthConfig),
  expected_status: { from: 100, to: 599 },
};

const MIB = 1_048_576;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const HTTP_TIMEOUT: TimeoutConfig = {
  connect: 2_000,
  first_byte: MINUTE,
  first_byte_streamed: MINUTE,
  idle: MINUTE,
  idle_streamed: HOUR,
  total: 0,
};

export const KIND_DEFAULTS: { readonly [K in ServiceKind]: KindDefaults } = {
  http: {
    dialect: 'problem',
    messages_dialect: 'problem',
    body_limit: 10 * MIB,
    timeout: HTTP_TIMEOUT,
    keep_alive: 0,
    encoded_slash: 'refuse',
    forward_identity: true,
    health: undefined,
  },
  llm: {
    dialect: 'openai',
    messages_dialect: 'anthropic',
    body_limit: 32 * MIB,
    timeout: {
      connect: 2_000,
      first_byte: 10 * MINUTE,
      first_byte_streamed: MINUTE,
      idle: 5 * MINUTE,
      idle_streamed: 5 * MINUTE,
      total: 30 * MINUTE,
    },
    keep_alive: 15_000,
    // Names of models hold slashes, which clients escape.
    encoded_slash: 'pass',
    // A third party: it is told nothing about who calls.
    forward_identity: false,
    health: undefined,
  },
  embeddings: {
    dialect: 'openai',
    messages_dialect: 'openai',
    body_limit: 32 * MIB,
    timeout: HTTP_TIMEOUT,
    keep_alive: 0,
    encoded_slash: 'refuse',
    forward_identity: false,
    health: ANY_ANSWER,
  },
};
