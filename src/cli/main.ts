#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Before anything else is loaded, hence the dynamic import: compiled code of earlier starts halves the time to ready.
enableCompileCache();
const { runCommandLine } = await import('./command-line.ts');
await runCommandLine(process.argv);
