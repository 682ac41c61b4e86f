#!/usr/bin/env node
// The command `turnpike`. Plain JavaScript without imports: an old Node must get as far as the message below.

// The same range as `engines` in package.json: Node 24 from 24.15, and 26 or later.
const version = process.versions.node.split('.').map(Number);
const isSupported = version[0] === 24 ? version[1] >= 15 : version[0] >= 26;

if (isSupported) {
  // Node prints this warning for the built-in SQLite; other warnings stay.
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'object' ? rest[0].type : rest[0];
    if (type !== 'ExperimentalWarning') emitWarning(warning, ...rest);
  };
  await import('../dist/cli/main.js');
} else {
  process.stderr.write(
    `Turnpike needs Node 24.15 or later, or Node 26 or later. This is Node ${process.versions.node}.\n` +
      'Install a newer Node from https://nodejs.org, or let npm bring one for this command:\n' +
      `  npx -p node@26 -p turnpike turnpike ${process.argv.slice(2).join(' ') || 'start'}\n`,
  );
  process.exitCode = 1;
}
