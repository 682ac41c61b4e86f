import { Rejection } from '../errors/rejection.ts';
import { plainSpelling, type RequestedOperation } from './operation.ts';
import { DEFAULT_OPERATIONS, type OperationKey } from './operation-rows.ts';

/**
 * Paths that hand out credentials or change the account of the operator: at OpenAI, LiteLLM, vLLM and SGLang. An entry
 * with `*` never covers them.
 */
const SENSITIVE =
  /^\/(?:realtime\/(?:client_secrets|sessions|transcription_sessions|calls)|chatkit|organization|projects|admin|key|user|team|customer|budget|config|model|models|credentials|spend|global|sso|scim|load_|unload_|sleep|wake_up|collective_rpc|reset_|update_weights|release_memory|resume_memory|flush_cache|server_info|shutdown|fine_tuning\/checkpoints)(?:[^a-z]|$|(?<=_))/i;

/** A path may be as long as a request line. */
const LONGEST_SHOWN = 100;

/** What one service lets through: nothing that is not in its list. */
export class OperationList {
  private readonly names: ReadonlySet<string>;
  private readonly service: string;

  /** `written` as in `services.<name>.operations`; `undefined` where nothing is written. */
  constructor(written: readonly string[] | undefined, service: string) {
    const names = (written ?? ['default']).flatMap((name) => (name === 'default' ? DEFAULT_OPERATIONS : [name]));
    this.names = new Set(names.map(withoutVersion));
    this.service = service;
  }

  has(key: OperationKey): boolean {
    return this.names.has(key);
  }

  /** Why a request is not let through; `undefined` when it is. */
  judge(method: string, asked: RequestedOperation): Rejection | undefined {
    const verb = method === 'HEAD' ? 'GET' : method;
    const key = Object.hasOwn(asked.keys, verb) ? asked.keys[verb] : undefined;
    if (key !== undefined && this.names.has(key)) return undefined;
    if (this.names.has(`${verb} ${asked.path}`) || this.isCovered(verb, asked.path)) return undefined;
    const name = key ?? `${verb} ${asked.path}`;
    const allow = Object.entries(asked.keys).flatMap(([other, of]) => (of && this.names.has(of) ? [other] : []));
    return allow.length > 0 ? this.refuseMethod(allow, name, key) : this.refuse(name, verb, asked.path);
  }

  /** What a request of this kind needs in the list. */
  refuse(name: string, verb: string, path: string): Rejection {
    const detail = `${verb} ${shorten(path)} is not allowed. To allow it, add "${shorten(name)}" to services.${this.service}.operations.`;
    return new Rejection('FORBIDDEN', detail);
  }

  private isCovered(verb: string, path: string): boolean {
    if (SENSITIVE.test(plainSpelling(path))) return false;
    for (let slash = path.lastIndexOf('/'); slash !== -1; slash = slash === 0 ? -1 : path.lastIndexOf('/', slash - 1)) {
      if (this.names.has(`${verb} ${path.slice(0, slash)}/*`)) return true;
    }
    return false;
  }

  private refuseMethod(allow: readonly string[], name: string, key: OperationKey | undefined): Rejection {
    const methods = (allow.includes('GET') ? [...allow, 'HEAD'] : allow).toSorted().join(', ');
    const hint = key === undefined ? '' : ` "${name}" in services.${this.service}.operations allows this one.`;
    return new Rejection('METHOD_NOT_ALLOWED', `Allowed here: ${methods}.${hint}`, { headers: { Allow: methods } });
  }
}

/** `POST /v1/generate` and `POST /generate` are the same. */
function withoutVersion(name: string): string {
  return name.replace(/ \/v1(?=\/)/, ' ');
}

function shorten(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
