// Prometheus text exposition (format 0.0.4): counters of all parts, read when asked.

export type Metric = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly {
    readonly labels?: { readonly [name: string]: string }
    readonly value: number
  }[]
}

export function expose(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, help, type, samples }) => [
    `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels = {}, value }) => `${name}${labelText(labels)} ${value}`),
  ])
  return `${lines.join('\n')}\n`
}

function labelText(labels: { readonly [name: string]: string }): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/**
 * A number by name becomes a metric: `acceptedSpans` of `ingest` is crosscut_ingest_accepted_spans. Totals
 * are counters.
 */
export function metricsOf(
  part: string,
  stats: { readonly [name: string]: unknown },
  gauges: ReadonlySet<string>,
): Metric[] {
  return Object.entries(stats).flatMap(([member, value]): Metric[] => {
    const isGauge = gauges.has(member)
    const name = `crosscut_${part}_${snake(member)}${isGauge || member.endsWith('Total') ? '' : '_total'}`
    const type = isGauge ? 'gauge' : 'counter'
    const help = `${part}: ${snake(member).replaceAll('_', ' ')}`
    if (typeof value === 'number') return [{ name, help, type, samples: [{ value }] }]
    if (typeof value === 'boolean')
      return [{ name: name.replace(/_total$/, ''), help, type: 'gauge', samples: [{ value: value ? 1 : 0 }] }]
    if (typeof value !== 'object' || value === null) return []
    const samples = Object.entries(value).flatMap(([reason, count]) =>
      typeof count === 'number' ? [{ labels: { reason }, value: count }] : [],
    )
    return [{ name, help, type, samples }]
  })
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
