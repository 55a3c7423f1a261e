// What we use of a browser, and that each part may be missing: old ones, workers, tests, pages that replaced
// it.

export type Values = { readonly [key: string]: string | number | boolean | readonly string[] }

/** Members of performance entries of all kinds; those of another kind are absent. */
export type Entry = {
  readonly name: string
  readonly entryType: string
  readonly startTime: number
  readonly duration: number
  readonly detail?: unknown
} & Partial<Timing>

/** Navigation and resource timing: ms since the time origin, 0 = did not happen or may not be known. */
type Timing = {
  readonly initiatorType: string
  readonly deliveryType: string
  readonly nextHopProtocol: string
  readonly fetchStart: number
  readonly domainLookupStart: number
  readonly connectStart: number
  readonly secureConnectionStart: number
  readonly requestStart: number
  readonly responseStart: number
  readonly responseEnd: number
  readonly domInteractive: number
  readonly domContentLoadedEventEnd: number
  readonly loadEventEnd: number
  readonly transferSize: number
  readonly encodedBodySize: number
  readonly decodedBodySize: number
  readonly responseStatus: number
  readonly serverTiming: readonly { readonly name: string; readonly description: string }[]
}

type Listener = (event: { readonly persisted?: boolean }) => void

type Surroundings = {
  readonly performance?: {
    readonly timeOrigin: number
    now(): number
    getEntriesByType?(type: string): readonly Entry[]
  }
  readonly PerformanceObserver?: {
    new (callback: (list: { getEntries(): readonly Entry[] }) => void): {
      observe(options: { type: string; buffered: boolean }): void
      takeRecords(): readonly Entry[]
      disconnect(): void
    }
    readonly supportedEntryTypes?: readonly string[]
  }
  readonly document?: {
    readonly readyState: string
    readonly visibilityState: string
    querySelector(selector: string): { getAttribute(name: string): string | null } | null
    addEventListener(type: string, listener: Listener): void
    removeEventListener(type: string, listener: Listener): void
  }
  readonly location?: { readonly href: string; readonly pathname: string }
  readonly navigator?: {
    readonly userAgent?: string
    readonly language?: string
    readonly hardwareConcurrency?: number
    readonly deviceMemory?: number
    readonly userAgentData?: { readonly mobile?: boolean; readonly platform?: string }
    readonly connection?: {
      readonly type?: string
      readonly effectiveType?: string
      readonly rtt?: number
      readonly downlink?: number
      readonly saveData?: boolean
    }
    sendBeacon?(url: string, body: Blob): boolean
  }
  readonly crypto?: { getRandomValues(into: Uint8Array): Uint8Array }
  addEventListener?(type: string, listener: Listener): void
  removeEventListener?(type: string, listener: Listener): void
}

/** Read once a page. */
export function surroundings(): Surroundings {
  const read = <N extends keyof Surroundings>(name: N): Surroundings[N] => Reflect.get(globalThis, name)
  const { performance: told, crypto: random } = globalThis
  return {
    performance: read('performance') ?? told,
    PerformanceObserver: read('PerformanceObserver'),
    document: read('document'),
    location: read('location'),
    navigator: read('navigator'),
    crypto: read('crypto') ?? random,
    addEventListener: read('addEventListener')?.bind(globalThis),
    removeEventListener: read('removeEventListener')?.bind(globalThis),
  }
}
