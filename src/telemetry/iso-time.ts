/**
 * Formats epoch milliseconds as `2026-02-01T10:30:00.123Z`. Remembers the current second, because formatting a Date
 * anew costs more than the rest of a log line and nearly all lines of a second share their first twenty characters.
 */
export function createIsoTime(): (epochMs: number) => string {
  let second = Number.NaN;
  let prefix = '';
  return (epochMs) => {
    const currentSecond = Math.floor(epochMs / 1000);
    if (currentSecond !== second) {
      second = currentSecond;
      prefix = new Date(currentSecond * 1000).toISOString().slice(0, 20);
    }
    const millisecond = Math.floor(epochMs) - currentSecond * 1000;
    return `${prefix}${millisecond < 10 ? '00' : millisecond < 100 ? '0' : ''}${millisecond}Z`;
  };
}
