const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads `7d`, `24h`, `5m`, `10s`, `250ms` or several in a row (`1h30m`).
 * @returns milliseconds, or null when it is none of these.
 */
export function readDuration(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) return null;
  let total = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    total += Number(part[1]) * (UNITS[part[2] ?? ''] ?? 0);
  return Math.round(total);
}
