// Whose clock and whose process a span's times and work belong to, read from its resource.
//
// host.name comes before host.id: processes of one machine that were given host names of their own
// (containers, a simulated cluster) may well have clocks of their own, and a host's name is what people know
// it by.
// Source: Jaeger's adjuster (host.id | host.ip | host.name), OpenTelemetry resource conventions.

import type { Attributes } from '#protocol'
import type { OtlpResource } from './otlp-span.ts'

export type Origin = { readonly service: string; readonly host: string; readonly process: string }

/** Reads each resource once; spans of a process share the object (if they do not, it only costs time). */
export class Origins {
  readonly #known = new Map<OtlpResource, Origin>()

  of(resource: OtlpResource): Origin {
    const known = this.#known.get(resource)
    if (known !== undefined) return known
    const made = originOf(resource.attributes)
    this.#known.set(resource, made)
    return made
  }
}

export function originOf(attributes: Attributes): Origin {
  const service = attribute(attributes, 'service.name') ?? 'unknown_service'
  const instance = attribute(attributes, 'service.instance.id')
  const named =
    attribute(attributes, 'host.name') ?? attribute(attributes, 'host.id') ?? attribute(attributes, 'host.ip')
  const host = named ?? (instance === undefined ? service : `${service}/${instance}`)
  const pid = attribute(attributes, 'process.pid') ?? ''
  return { service, host, process: [service, instance ?? '', host, pid].join('\u0000') }
}

function attribute(attributes: Attributes, key: string): string | undefined {
  const value = Object.hasOwn(attributes, key) ? attributes[key] : undefined
  const first = Array.isArray(value) ? value[0] : value
  if (typeof first === 'number') return String(first)
  return typeof first === 'string' && first !== '' ? first : undefined
}
