// All sample services in one process: two echoes, a chat service and an embeddings service.
import { parseArgs } from 'node:util';
import { startEcho } from './echo/server.ts';
import { startEmbeddings } from './embeddings/server.ts';
import type { RunningService } from './http-service.ts';
import { startLlm } from './llm/server.ts';
import { closeOnSignal, startOrExplain } from './run-alone.ts';

/** Where each service listens; 0 takes any free port. */
export interface SamplePorts {
  service1: number;
  service2: number;
  llm: number;
  embeddings: number;
}

export const samplePorts: SamplePorts = { service1: 5001, service2: 5002, llm: 5003, embeddings: 8001 };

export type SampleServices = Record<keyof SamplePorts, RunningService | undefined>;

/** Starts all four and prints one line for each; a service whose port is taken is left out (undefined). */
export async function startSampleServices(ports: SamplePorts, host?: string): Promise<SampleServices> {
  const at = (port: number) => ({ port, host });
  const [service1, service2, llm, embeddings] = await Promise.all([
    startOrExplain('service1', (options) => startEcho({ ...options, name: 'service1' }), at(ports.service1)),
    startOrExplain('service2', (options) => startEcho({ ...options, name: 'service2' }), at(ports.service2)),
    // Slow enough that one sees the words arrive.
    startOrExplain('llm', (options) => startLlm({ ...options, tokenDelayMs: 20 }), at(ports.llm)),
    startOrExplain('embeddings', startEmbeddings, at(ports.embeddings)),
  ]);
  return { service1, service2, llm, embeddings };
}

/** `--service1 5001 --service2 5002 --llm 5003 --embeddings 8001 --host 0.0.0.0`, or SERVICE1_PORT … and HOST. */
function readOptions(): { ports: SamplePorts; host: string | undefined } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { service1: text, service2: text, llm: text, embeddings: text, host: text },
  });
  const port = (name: keyof SamplePorts) =>
    Number(values[name] ?? process.env[`${name.toUpperCase()}_PORT`] ?? samplePorts[name]);
  const ports = {
    service1: port('service1'),
    service2: port('service2'),
    llm: port('llm'),
    embeddings: port('embeddings'),
  };
  return { ports, host: values.host ?? process.env['HOST'] };
}

if (import.meta.main) {
  const { ports, host } = readOptions();
  closeOnSignal(Object.values(await startSampleServices(ports, host)));
}
