import type { GatewayConfig } from '../config/gateway-config.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { BudgetStanding } from '../exchange/receipts.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Principal } from '../exchange/principal.ts';
import type { AuditContext } from '../identity/audit/audit-context.ts';
import type { Identity } from '../identity/identity.ts';
import type { Secret } from '../lib/secret.ts';
import type { PageFiles } from '../openapi/page-files.ts';
import type { HealthView } from '../upstream/health.ts';
import type { ServiceTargets } from '../upstream/targets.ts';

type ReloadOutcome =
  /** `restartNeeded` names settings that changed and are read at the start only. */
  | { readonly ok: true; readonly hash: string; readonly restartNeeded: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** A service as endpoints see it. */
export interface ObservedService extends ServiceTargets {
  /** `undefined` when its targets are not probed. */
  readonly prober: { views(): HealthView[] } | undefined;
}

/** The state of a limit for a caller; `used` if the limit itself knows it. */
interface LimitStanding {
  readonly limit: number;
  readonly used: number | undefined;
}

/** The usage of a caller. */
export interface CallerStanding {
  readonly perMinute: LimitStanding | undefined;
  readonly perHour: LimitStanding | undefined;
  readonly budgets: readonly BudgetStanding[];
}

/** The gateway as endpoints see it. */
export interface ObservedGateway {
  readonly config: GatewayConfig;
  readonly services: ReadonlyMap<string, ObservedService>;
  readonly running: { readonly size: number };
  readonly isDraining: boolean;
  /** Identifies the caller and sets it on the exchange, or returns the refusal. */
  admitCaller(exchange: Exchange, callers: 'token' | 'token_or_key'): Promise<Rejection | undefined>;
  /** How far the caller of the exchange is from their limits. */
  standingOf(exchange: Exchange): Promise<CallerStanding>;
  /** The same for the budgets of another consumer, except those that are split by more than the caller. */
  budgetsOf(principal: Principal): Promise<readonly BudgetStanding[]>;
}

/** The dependencies of the endpoints, provided by the start of the gateway. */
export interface ApiContext {
  readonly deps: Pick<Dependencies, 'breakers' | 'clock' | 'failedAuth' | 'log' | 'metrics' | 'usage'>;
  readonly identity: Pick<
    Identity,
    'audit' | 'consumers' | 'erasures' | 'keys' | 'logins' | 'ownKeys' | 'sessions' | 'signUps' | 'tokens'
  >;
  /** Asked only while a request is being answered. */
  gateway(): ObservedGateway;
  /** The present master key and, during a rotation, the one before; empty switches the admin API off. */
  readonly masterKeys: readonly Secret[];
  /** Started with `--dev`. */
  readonly isDevelopment: boolean;
  /** Whether anybody may have tokens: at a development start with `DEBUG=true`. */
  readonly opensTokenEndpoint: boolean;
  /** `by` is written to the audit log. */
  reload(by: AuditContext): Promise<ReloadOutcome>;
  /** The metrics of all processes of this gateway. */
  renderMetrics: Dependencies['metrics']['render'];
  /** Why the gateway works less well than it should, one closed word each; empty when all is well. */
  degraded(): readonly string[];
  /** The stores in use, and whether each of them answers. */
  stores(): ReadonlyMap<string, boolean>;
  readonly pageFiles: PageFiles;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds. */
  configLoadedAt(): number;
  readonly version: string;
}
