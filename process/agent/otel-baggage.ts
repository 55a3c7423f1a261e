// OpenTelemetry's baggage (strings, no merge) over the members that a request carried beside ours: what an
// application sets through `propagation.setBaggage` leaves as ordinary members of the `baggage` header,
// what came in is what it reads.
// Source: W3C Baggage; @opentelemetry/api 1.9, Baggage.

export type ApiBaggageEntry = { readonly value: string; readonly metadata?: { toString(): string } }

/** Immutable, as the API demands. */
export class OtelBaggage {
  readonly #entries: ReadonlyMap<string, ApiBaggageEntry>

  constructor(entries: ReadonlyMap<string, ApiBaggageEntry>) {
    this.#entries = entries
  }

  getEntry(key: string): ApiBaggageEntry | undefined {
    return this.#entries.get(key)
  }

  getAllEntries(): [string, ApiBaggageEntry][] {
    return [...this.#entries]
  }

  setEntry(key: string, entry: ApiBaggageEntry): OtelBaggage {
    return new OtelBaggage(new Map([...this.#entries, [key, entry]]))
  }

  removeEntry(key: string): OtelBaggage {
    return this.removeEntries(key)
  }

  removeEntries(...keys: string[]): OtelBaggage {
    return new OtelBaggage(new Map([...this.#entries].filter(([key]) => !keys.includes(key))))
  }

  clear(): OtelBaggage {
    return new OtelBaggage(new Map())
  }
}

export function parseMembers(header: string): OtelBaggage {
  const entries = new Map<string, ApiBaggageEntry>()
  for (const member of header.split(',')) {
    const [pair = '', ...properties] = member.split(';')
    const equals = pair.indexOf('=')
    const value = decoded(pair.slice(equals + 1).trim())
    if (equals <= 0 || value === undefined) continue
    const metadata = properties.join(';').trim()
    entries.set(
      pair.slice(0, equals).trim(),
      metadata === '' ? { value } : { value, metadata: { toString: () => metadata } },
    )
  }
  return new OtelBaggage(entries)
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const PROPERTIES = /^[\x20-\x2b\x2d-\x7e]*$/

/**
 * Members that could not stand in a header are left out: a property with a control character once made the
 * host's next request throw.
 */
export function formatMembers(baggage: unknown): string {
  if (
    typeof baggage !== 'object' ||
    baggage === null ||
    !('getAllEntries' in baggage) ||
    typeof baggage.getAllEntries !== 'function'
  )
    return ''
  const entries: unknown = baggage.getAllEntries()
  return Array.isArray(entries)
    ? entries
        .map(formatMember)
        .filter((member) => member !== '')
        .join(',')
    : ''
}

function formatMember(entry: unknown): string {
  if (!Array.isArray(entry)) return ''
  const [key, held]: unknown[] = entry
  if (
    typeof key !== 'string' ||
    !TOKEN.test(key) ||
    key === 'cc' ||
    typeof held !== 'object' ||
    held === null ||
    !('value' in held)
  )
    return ''
  const properties = 'metadata' in held && held.metadata ? String(held.metadata) : ''
  const suffix = properties !== '' && PROPERTIES.test(properties) ? `;${properties}` : ''
  return `${key}=${encodeURIComponent(String(held.value).toWellFormed())}${suffix}`
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
