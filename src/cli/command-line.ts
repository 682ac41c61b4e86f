// Room cli: is the command `turnpike`: arguments in, text out.
// In it: one file per command, the banner, messages of failures.
// Never in it: behaviour that the gateway needs without a terminal.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { failWith } from './failure.ts';

const DEFAULT_CONFIG = 'gateway_config.yaml';
const MODELS_DEV = 'https://models.dev/api.json';

/** Runs the command that the arguments name. A failure is one message on standard error and exit code 1. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    failWith(error);
  }
}

/** Each command's module is loaded when it runs: a short command must not wait for the gateway's libraries. */
function program(): Command {
  const root = new Command('turnpike')
    .description('A reverse proxy and API gateway configured by one file.')
    .version(readVersion());
  addStart(root);
  addConfigCommands(root);
  root
    .command('migrate')
    .description('bring the database to the schema of this release')
    .addOption(configOption())
    .option('--status', 'only list the steps it lacks')
    .action(async (options) => (await import('./commands/migrate.ts')).migrate(options));
  root
    .command('health')
    .description('ask the gateway on this machine whether it is alive; exit code 1 says no')
    .addOption(configOption())
    .option('--url <address>', 'address to ask; by default the one the gateway of this configuration listens on')
    .action(async (options) => (await import('./commands/health.ts')).checkHealth(options));
  addKeys(root.command('keys').description('issue and manage API keys, also while the gateway runs'));
  addUsers(root.command('users').description('create and manage users who log in, also while the gateway runs'));
  addUsage(root.command('usage').description('sum what was used, by consumer, service, model and day'));
  root
    .command('models')
    .description('the prices of models')
    .command('update')
    .description('compare a newer price list with the one in use, and write it')
    .argument('[source]', 'address or file of a price list: of Turnpike, models.dev or LiteLLM', MODELS_DEV)
    .addOption(configOption())
    .option('--to <file>', 'where to write it; by default settings.price_list of the configuration')
    .option('--yes', 'write it; without this only the differences are shown')
    .action(async (source, options) => (await import('./commands/models-update.ts')).updateModels(source, options));
  addAudit(root.command('audit').description('look into the record of changes'));
  return root;
}

function addStart(root: Command): void {
  root
    .command('start')
    .description('start the gateway')
    .addOption(configOption())
    .option('--dev', 'development start: sample services and keys for this start only')
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on; 0 takes any free one')
    .option('--inference-url <url>', 'sets INFERENCE_SERVICE_URL')
    .option('--rate-limit-minute <requests>', 'sets RATE_LIMIT_PER_MINUTE')
    .option('--rate-limit-hour <requests>', 'sets RATE_LIMIT_PER_HOUR')
    .option('--cors-origins <list>', 'origins browsers may call from, comma-separated')
    .action(async (options) => (await import('./commands/start.ts')).start(options, readVersion()));
}

function addConfigCommands(root: Command): void {
  root
    .command('validate')
    .description('check the configuration as a start would, and list every mistake')
    .addOption(configOption())
    .action(async (options) => (await import('./commands/validate.ts')).validate(options));
  root
    .command('explain')
    .description('show where a request goes, what it meets there, and where each value comes from')
    .argument('<method>', 'GET, POST, …')
    .argument('<path>', '/service1/hello')
    .addOption(configOption())
    .option('--host <name>', 'the Host header of the request', 'localhost')
    .option('--header <name: value...>', 'a header of the request; may be repeated')
    .action(async (method, path, options) => (await import('./commands/explain.ts')).explain(method, path, options));
  root
    .command('init')
    .description('write a small configuration, and .env with a new master key')
    .addOption(configOption())
    .action(async (options) => (await import('./commands/init.ts')).init(options));
}

function addKeys(keys: Command): void {
  const load = () => import('./commands/keys.ts');
  keys
    .command('create')
    .description('issue a key; the key alone goes to standard output')
    .addOption(configOption())
    .requiredOption('--owner <name>', 'consumer the key belongs to; created when there is none')
    .option('--name <text>', 'what the key is for')
    .addOption(new Option('--env <env>', 'part of the key').choices(['live', 'test', 'dev']).default('live'))
    .option('--tier <name>', 'tier of a new owner')
    .option('--expires-in <duration>', 'such as 12h or 30d; never unless given')
    .option('--rate-limit <limit>', '100 per rate_period of the configuration, or 100/1h')
    .option('--budget-usd <dollars>', 'dollars the key may cost')
    .option('--budget-tokens <tokens>', 'tokens the key may use')
    .option('--every <period>', 'period of the budget, day or month (UTC); month unless given')
    .action(async (options) => (await load()).createKey(options));
  keys
    .command('generate')
    .description('print a key and its hash for a consumer in the configuration; nothing is stored')
    .option('--prefix <text>', 'how the key begins, such as sk_test', 'sk_live')
    .action(async (options) => (await load()).generateKey(options));
  keys
    .command('list')
    .description('list all keys, newest first')
    .addOption(configOption())
    .action(async (options) => (await load()).listKeys(options));
  keys
    .command('revoke')
    .description('end a key; every gateway refuses it within 2 s')
    .argument('<id>')
    .addOption(configOption())
    .action(async (id, options) => (await load()).revokeKey(id, options));
  keys
    .command('rotate')
    .description('issue a successor; the new key alone goes to standard output')
    .argument('<id>')
    .addOption(configOption())
    .option('--grace <duration>', 'how long the old key still works', '1h')
    .action(async (id, options) => (await load()).rotateKey(id, options));
}

function addUsers(users: Command): void {
  const load = () => import('./commands/users.ts');
  users
    .command('create')
    .description('create a user; without --password-… the new password alone goes to standard output')
    .argument('<email>')
    .addOption(configOption())
    .option('--tier <name>', 'tier of the user')
    .option('--password-stdin', 'read the password from standard input')
    .option('--password-hash <hash>', 'take over a bcrypt or argon2id hash; it is renewed at the next login')
    .action(async (email, options) => (await load()).createUser(email, options));
  users
    .command('list')
    .description('list all users, newest first')
    .addOption(configOption())
    .action(async (options) => (await load()).listUsers(options));
  users
    .command('set-tier')
    .description('put a user on another tier')
    .argument('<email>')
    .argument('<tier>')
    .addOption(configOption())
    .action(async (email, tier, options) => (await load()).setTier(email, tier, options));
  users
    .command('disable')
    .description('end all logins and keys of a user; every gateway refuses them within 2 s')
    .argument('<email>')
    .addOption(configOption())
    .action(async (email, options) => (await load()).disableUser(email, options));
  users
    .command('erase')
    .description('erase a person for good: account, keys, logins, and the name in the records of usage')
    .argument('<email>', 'address of the user, or id of any consumer')
    .addOption(configOption())
    .action(async (email, options) => (await load()).eraseUser(email, options));
}

function addAudit(audit: Command): void {
  audit
    .command('verify')
    .description('recompute the chain of the audit log; exit code 1 names the first row that is not as it was sealed')
    .addOption(configOption())
    .option('--anchor <head>', 'head printed by an earlier run, to notice rows missing at the end')
    .action(async (options) => (await import('./commands/audit.ts')).verifyAudit(options));
}

function addUsage(usage: Command): void {
  usage
    .addOption(configOption())
    .option('--by <names>', 'consumer, service, model, day, or several with commas', 'consumer')
    .option('--consumer <id>', 'only of this consumer')
    .option('--service <name>', 'only of this service')
    .option('--model <name>', 'only what this model answered')
    .option('--from <date>', 'only that day (UTC) and later')
    .option('--to <date>', 'only that day (UTC) and earlier')
    .option('--csv', 'print CSV instead of a table')
    .action(async (options) => (await import('./commands/usage.ts')).reportUsage(options));
}

function configOption(): Option {
  return new Option('-c, --config <file>', 'configuration file').default(DEFAULT_CONFIG).env('TURNPIKE_CONFIG');
}

function readVersion(): string {
  // Two folders up from the sources as well as from the package.
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
