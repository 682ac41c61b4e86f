import type { MetricDeclaration } from './declarations.ts';

/** `name="value"` with the three characters escaped that the exposition formats reserve. */
export function label(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"\n]/g, escapeReserved)}"`;
}

/**
 * A family with its head, ending in a line feed. Prometheus text sets families apart by an empty line; OpenMetrics allows
 * none, and calls a counter by its name without `_total`.
 */
export function familyText(family: MetricDeclaration, lines: readonly string[], isOpenMetrics: boolean): string {
  const name = isOpenMetrics && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name;
  const head = `# HELP ${name} ${family.help}\n# TYPE ${name} ${family.type}\n`;
  const body = lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  return isOpenMetrics ? head + body : `${head}${body}\n`;
}

function escapeReserved(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
