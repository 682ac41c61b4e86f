// Room cli: is the command `turnpike`: arguments in, text out.
// In it: one file per command, the banner, messages of failures.
// Never in it: behaviour that the gateway needs without a terminal.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { failWith } from './failure.ts';

const DEFAULT_CONFIG = 'gateway_config.yaml';
const MODELS_DEV = 'https://models.dev/api.json';

/** Runs the command named by the arguments. A failure prints one message to standard error and exits with code 1. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    failWith(error);
  }
}

/** Each command's module is loaded when it runs, so that a short command does not load the gateway's libraries. */
function program(): Command {
  const root = new Command('turnpike')
    .description('A reverse proxy and API gateway, configured by one file.')
    .version(readVersion());
  addStart(root);
  addConfigCommands(root);
  root
    .command('migrate')
    .description('migrate the database to the schema of this release')
    .addOption(configOption())
    .option('--status', 'list the pending migrations without running them')
    .action(async (options) => (await import('./commands/migrate.ts')).migrate(options));
  root
    .command('health')
    .description('check that the gateway on this machine is alive; exit code 1 if it is not')
    .addOption(configOption())
    .option('--url <address>', 'address to check (default: the address in the configuration)')
    .action(async (options) => (await import('./commands/health.ts')).checkHealth(options));
  addKeys(root.command('keys').description('issue and manage API keys; works while the gateway runs'));
  addUsers(root.command('users').description('create and manage users who log in; works while the gateway runs'));
  addConsumers(root.command('consumers').description('show and block consumers; works while the gateway runs'));
  addUsage(root.command('usage').description('report usage by consumer, service, model or day'));
  root
    .command('models')
    .description('manage model prices')
    .command('update')
    .description('compare a newer price list with the current one, and save it with --yes')
    .argument('[source]', 'URL or file of a price list in the format of Turnpike, models.dev or LiteLLM', MODELS_DEV)
    .addOption(configOption())
    .option('--to <file>', 'file to write (default: settings.price_list in the configuration)')
    .option('--yes', 'save the list; without it, only the differences are shown')
    .action(async (source, options) => (await import('./commands/models-update.ts')).updateModels(source, options));
  addAudit(root.command('audit').description('inspect the audit log'));
  return root;
}

function addStart(root: Command): void {
  root
    .command('start')
    .description('start the gateway')
    .addOption(configOption())
    .option('--dev', 'development mode: sample services, and keys that last until the gateway stops')
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on; 0 picks a free port')
    .option('--inference-url <url>', 'sets INFERENCE_SERVICE_URL')
    .option('--rate-limit-minute <requests>', 'sets RATE_LIMIT_PER_MINUTE')
    .option('--rate-limit-hour <requests>', 'sets RATE_LIMIT_PER_HOUR')
    .option('--cors-origins <list>', 'origins that browsers may call from, separated by commas')
    .action(async (options) => (await import('./commands/start.ts')).start(options, readVersion()));
}

function addConfigCommands(root: Command): void {
  root
    .command('validate')
    .description('check the configuration as start does, and list every error')
    .addOption(configOption())
    .action(async (options) => (await import('./commands/validate.ts')).validate(options));
  root
    .command('explain')
    .description('show the route and policies of a request, and where each setting comes from')
    .argument('<method>', 'GET, POST, …')
    .argument('<path>', '/service1/hello')
    .addOption(configOption())
    .option('--host <name>', 'Host header of the request', 'localhost')
    .option('--header <name: value...>', 'header of the request; can be repeated')
    .action(async (method, path, options) => (await import('./commands/explain.ts')).explain(method, path, options));
  root
    .command('init')
    .description('write a starter configuration and a .env file with a new master key')
    .addOption(configOption())
    .action(async (options) => (await import('./commands/init.ts')).init(options));
}

function addKeys(keys: Command): void {
  const load = () => import('./commands/keys.ts');
  keys
    .command('create')
    .description('issue a key; standard output holds only the key')
    .addOption(configOption())
    .requiredOption('--owner <name>', 'consumer that owns the key; created if it does not exist')
    .option('--name <text>', 'what the key is for')
    .addOption(
      new Option('--env <env>', 'environment, shown in the key').choices(['live', 'test', 'dev']).default('live'),
    )
    .option('--tier <name>', 'tier of the owner, if it is new')
    .option('--expires-in <duration>', 'lifetime such as 12h or 30d (default: never expires)')
    .option('--rate-limit <limit>', '100 (per rate_period of the configuration) or 100/1h')
    .option('--budget-usd <dollars>', 'budget of the key in US dollars')
    .option('--budget-tokens <tokens>', 'budget of the key in tokens')
    .option('--every <period>', 'period of the budget: day or month, UTC (default: month)')
    .action(async (options) => (await load()).createKey(options));
  keys
    .command('generate')
    .description('print a key and its hash for a consumer in the configuration; nothing is stored')
    .option('--prefix <text>', 'start of the key, such as sk_test', 'sk_live')
    .action(async (options) => (await load()).generateKey(options));
  keys
    .command('list')
    .description('list keys, newest first')
    .addOption(configOption())
    .option('--owner <id or name>', 'only keys of this consumer')
    .action(async (options) => (await load()).listKeys(options));
  keys
    .command('revoke')
    .description('revoke a key; every gateway refuses it within 2 s')
    .argument('<key>', 'id, prefix or name of the key')
    .addOption(configOption())
    .action(async (id, options) => (await load()).revokeKey(id, options));
  keys
    .command('rotate')
    .description('replace a key; standard output holds only the new key')
    .argument('<key>', 'id, prefix or name of the key')
    .addOption(configOption())
    .option('--grace <duration>', 'how long the old key still works', '1h')
    .action(async (id, options) => (await load()).rotateKey(id, options));
}

function addUsers(users: Command): void {
  const load = () => import('./commands/users.ts');
  users
    .command('create')
    .description('create a user; without a --password option, standard output holds only a generated password')
    .argument('<email>')
    .addOption(configOption())
    .option('--tier <name>', 'tier of the user')
    .option('--password-stdin', 'read the password from standard input')
    .option('--password-hash <hash>', 'import a bcrypt or argon2id hash; it is upgraded at the next login')
    .action(async (email, options) => (await load()).createUser(email, options));
  users
    .command('list')
    .description('list all users, newest first')
    .addOption(configOption())
    .action(async (options) => (await load()).listUsers(options));
  users
    .command('set-tier')
    .description('change the tier of a user')
    .argument('<email>')
    .argument('<tier>')
    .addOption(configOption())
    .action(async (email, tier, options) => (await load()).setTier(email, tier, options));
  users
    .command('disable')
    .description('disable a user; every gateway refuses their logins and keys within 2 s')
    .argument('<email>')
    .addOption(configOption())
    .action(async (email, options) => (await load()).disableUser(email, options));
  users
    .command('erase')
    .description('permanently erase a person: account, keys, logins, and their name in usage records')
    .argument('<email>', 'e-mail address of the user, or id of a consumer')
    .addOption(configOption())
    .action(async (email, options) => (await load()).eraseUser(email, options));
}

function addConsumers(consumers: Command): void {
  const load = () => import('./commands/consumers.ts');
  consumers
    .command('list')
    .description('list stored consumers, newest first')
    .addOption(configOption())
    .option('--json', 'print JSON instead of a table')
    .action(async (options) => (await load()).listConsumers(options));
  consumers
    .command('show')
    .description('show a consumer and its keys')
    .argument('<consumer>', 'id or name, which is the e-mail address of a user')
    .addOption(configOption())
    .option('--json', 'print JSON instead of text')
    .action(async (consumer, options) => (await load()).showConsumer(consumer, options));
  consumers
    .command('block')
    .description('block a consumer; every gateway refuses its keys and tokens within 2 s')
    .argument('<consumer>', 'id or name')
    .addOption(configOption())
    .action(async (consumer, options) => (await load()).blockConsumer(consumer, options));
  consumers
    .command('unblock')
    .description('let a blocked consumer call again; its users log in anew')
    .argument('<consumer>', 'id or name')
    .addOption(configOption())
    .action(async (consumer, options) => (await load()).unblockConsumer(consumer, options));
}

function addAudit(audit: Command): void {
  audit
    .command('verify')
    .description('verify the hash chain of the audit log; exit code 1 if a row was changed, and its id is printed')
    .addOption(configOption())
    .option('--anchor <head>', 'chain head from an earlier run; detects rows removed from the end')
    .action(async (options) => (await import('./commands/audit.ts')).verifyAudit(options));
}

function addUsage(usage: Command): void {
  usage
    .addOption(configOption())
    .option('--by <names>', 'consumer, service, model or day; separate several with commas', 'consumer')
    .option('--consumer <id or name>', 'only this consumer')
    .option('--service <name>', 'only this service')
    .option('--model <name>', 'only answers of this model')
    .option('--from <date>', 'first day (UTC)')
    .option('--to <date>', 'last day (UTC)')
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
