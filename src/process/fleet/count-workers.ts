import { availableParallelism } from 'node:os';
import type { Settings } from '../../config/settings-schema.ts';

/** How many processes the settings ask for: at least 1. */
export function countWorkers({ workers }: Pick<Settings, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers;
}
