// Numbers that the server counts, from /metrics (Prometheus text): those without labels, by name.

import { ApiFailure } from './api.ts'

export async function readMetrics(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const response = await fetch('/metrics', { signal })
  if (!response.ok)
    throw new ApiFailure({
      code: `HTTP_${response.status}`,
      status: response.status,
      message: `The server answered ${response.status} for its metrics.`,
    })
  return metricsIn(await response.text())
}

const SAMPLE = /^([a-z_:][\w:]*) (\S+)$/i

export function metricsIn(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, value] = SAMPLE.exec(line) ?? []
    if (name !== undefined && Number.isFinite(Number(value))) found.set(name, Number(value))
  }
  return found
}
