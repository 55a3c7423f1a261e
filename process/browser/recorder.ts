// One visit of one page, from its navigation until it goes.
//
//   loading ──load event, a second of quiet, no open block──► settled: the page is sent by fetch
//      └────────pagehide, hidden────────────────────────────►   "      by what outlives it
//   after that: what comes late (resources, long tasks, measures, blocks), some at a time and when it goes
//
// Cast: made once by index.ts, which guards each call from outside; nothing here is called otherwise.

import {
  OWN_SPANS_MAX,
  POINTS_MAX,
  SETTLE_MS,
  SETTLE_MS_MAX,
  SPANS_MAX,
  WAITING_SPANS_MAX,
} from './limits.ts'
import { bodiesOf, type Head, type PageLink, type PagePoint, type PageSpan } from './otlp-json.ts'
import {
  endOf,
  kindOf,
  navigationPoints,
  navigationSpans,
  resourceEdge,
  resourceSpan,
  urlOf,
  type Ids,
  type Loaded,
} from './page-spans.ts'
import { send, type Destination } from './send.ts'
import type { Entry, surroundings, Values } from './surroundings.ts'
import { spanIdIn, type Found } from './trace-parent.ts'
import { networkCounters } from './visitor.ts'

export type BlockOptions = {
  /** performance.now() of its begin; default now. */
  readonly start?: number
  readonly attributes?: Values
  /** traceparent of what it came from, on the server or in the page: it could not begin before that ended. */
  readonly after?: string | readonly string[]
  /** URLs of resources that it waited for. */
  readonly needs?: readonly string[]
}

type Open = {
  readonly id: string
  readonly name: string
  readonly start: number
  readonly options: BlockOptions
}

type Parts = {
  readonly here: ReturnType<typeof surroundings>
  readonly found: Found | undefined
  readonly navigation: Entry
  readonly head: Head
  readonly to: Destination
  readonly newId: () => string
  readonly guard: <A extends readonly unknown[]>(fn: (...args: A) => void) => (...args: A) => void
}

const OBSERVED = ['resource', 'longtask', 'mark', 'measure', 'paint', 'largest-contentful-paint']

export class Recorder {
  readonly ids: Ids
  readonly #parts: Parts
  readonly #loaded: Loaded[] = []
  readonly #known = new Set<string>()
  readonly #open = new Map<string, Open>()
  readonly #points: PagePoint[] = []
  #largest: PagePoint | undefined
  #waiting: PageSpan[] = []
  #count = 0
  #ownCount = 0
  #dropped = 0
  #lastMs = 0
  #isSettled = false
  #observed = () => {}
  #stops: (() => void)[] = []

  constructor(parts: Parts) {
    const { found, newId } = parts
    this.#parts = parts
    this.ids = { page: newId(), document: found?.documentId ?? newId(), render: newId() }
    this.#observe()
    this.#awaitEnd()
  }

  point(name: string, values?: Values, at = this.#now()): void {
    if (this.#isSettled) this.#addOwn({ ...this.#blank(name, at), values })
    else if (this.#points.length < POINTS_MAX) this.#points.push({ name, at, values })
    else this.#dropped += 1
    this.#lastMs = Math.max(this.#lastMs, at)
  }

  begin(name: string, options: BlockOptions): string {
    const id = this.#parts.newId()
    const start = options.start ?? this.#now()
    if (this.#open.size < OWN_SPANS_MAX) this.#open.set(id, { id, name, start, options })
    else this.#dropped += 1
    return id
  }

  end(id: string, values: Values): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    const { name, start, options } = open
    const end = this.#now()
    const links = this.#causes(open, end)
    this.#addOwn({
      ...this.#blank(name, start),
      id,
      end,
      links,
      values: { ...options.attributes, ...values },
    })
    this.#lastMs = Math.max(this.#lastMs, end)
  }

  /** What waits goes now. */
  flush(isLeaving = false): void {
    const spans = this.#waiting
    this.#waiting = []
    if (spans.length > 0) send(bodiesOf(spans, this.#parts.head), this.#parts.to, isLeaving)
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#waiting = []
    this.#isSettled = true
    this.#count = SPANS_MAX
  }

  #now(): number {
    return this.#parts.here.performance?.now() ?? 0
  }

  #blank(name: string, at: number): PageSpan {
    return { id: this.#parts.newId(), parent: this.ids.page, name, kind: 1, start: at, end: at }
  }

  #addOwn(span: PageSpan): void {
    if (this.#ownCount >= OWN_SPANS_MAX) this.#dropped += 1
    else {
      this.#ownCount += 1
      this.#add(span)
    }
  }

  #add(span: PageSpan): void {
    if (this.#count >= SPANS_MAX) {
      this.#dropped += 1
      return
    }
    this.#count += 1
    this.#waiting.push(span)
    if (this.#isSettled && this.#waiting.length >= WAITING_SPANS_MAX) this.flush()
  }

  /** What a block said it came from: other blocks, and resources that arrived while it waited. */
  #causes({ id, start, options: { after = [], needs = [] } }: Open, end: number): PageLink[] {
    const links: PageLink[] = [after].flat().flatMap((one) => {
      const source = spanIdIn(one, this.#parts.head.traceId)
      return source === undefined ? [] : [{ id: source, edge: 'async' }]
    })
    this.#take(this.#parts.here.performance?.getEntriesByType?.('resource') ?? [])
    const urls = new Set(needs.map((url) => absolute(url, this.#parts.here.location?.href)))
    for (const one of this.#loaded) {
      const arrived = endOf(one.entry)
      if (!urls.has(urlOf(one.entry.name)) || arrived <= start || arrived > end) continue
      links.push(resourceEdge(one, { id, start }, this.#parts.navigation, this.ids))
    }
    return links
  }

  #observe(): void {
    const Observer = this.#parts.here.PerformanceObserver
    if (Observer === undefined) return
    const supported = Observer.supportedEntryTypes ?? []
    const observer = new Observer(this.#parts.guard((list) => this.#take(list.getEntries())))
    for (const type of OBSERVED) if (supported.includes(type)) observer.observe({ type, buffered: true })
    this.#observed = () => this.#take(observer.takeRecords())
    this.#stops.push(() => observer.disconnect())
  }

  /** An entry may come twice: as it is observed, and when a block looks for what it needed. */
  #take(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { entryType: type, name, startTime: start, duration } = entry
      if (type === 'resource') this.#takeResource(entry)
      else if (type === 'longtask') this.#add({ ...this.#blank('long task', start), end: start + duration })
      else if (type === 'measure') {
        this.#addOwn({ ...this.#blank(name, start), end: start + duration, values: valuesIn(entry.detail) })
      } else if (type === 'largest-contentful-paint')
        this.#largest = { name: 'largest-contentful-paint', at: start }
      else
        this.point(name, { ...(type === 'mark' ? { marker: name } : {}), ...valuesIn(entry.detail) }, start)
    }
  }

  #takeResource(entry: Entry): void {
    const key = `${entry.startTime} ${entry.name}`
    if (this.#known.has(key) || urlOf(entry.name) === urlOf(this.#parts.to.url)) return
    if (this.#known.size >= SPANS_MAX) return
    this.#known.add(key)
    const one = { entry, id: this.#parts.newId(), kind: kindOf(entry) }
    this.#loaded.push(one)
    this.#add(resourceSpan(one, this.ids.page))
  }

  #awaitEnd(): void {
    const { here, guard } = this.#parts
    const loadedMs = this.#now()
    let timer: ReturnType<typeof setTimeout> | undefined
    const wait = guard(() => {
      const isBusy = this.#open.size > 0 && this.#now() - loadedMs < SETTLE_MS_MAX
      if (isBusy) timer = setTimeout(wait, SETTLE_MS)
      else this.#settle(false)
    })
    const onLoad = guard(() => void (timer = setTimeout(wait, SETTLE_MS)))
    const onLeave = guard(() => {
      this.#settle(true)
      this.flush(true)
    })
    const onHidden = () => {
      if (here.document?.visibilityState === 'hidden') onLeave()
    }
    if (here.document?.readyState === 'complete') onLoad()
    else here.addEventListener?.('load', onLoad)
    here.addEventListener?.('pagehide', onLeave)
    here.document?.addEventListener('visibilitychange', onHidden)
    this.#stops.push(() => {
      clearTimeout(timer)
      here.removeEventListener?.('load', onLoad)
      here.removeEventListener?.('pagehide', onLeave)
      here.document?.removeEventListener('visibilitychange', onHidden)
    })
  }

  /** The page's own block ends with the load, or with what the application showed after it. */
  #settle(isLeaving: boolean): void {
    if (this.#isSettled) return
    this.#observed()
    const { here, found } = this.#parts
    const [navigation = this.#parts.navigation] = here.performance?.getEntriesByType?.('navigation') ?? []
    if (this.#largest !== undefined) this.point(this.#largest.name, undefined, this.#largest.at)
    const end = Math.max(navigation.loadEventEnd || this.#now(), this.#lastMs)
    const page: PageSpan = {
      ...this.#blank(`page ${here.location?.pathname ?? ''}`, 0),
      id: this.ids.page,
      parent: '',
      end,
      points: [...navigationPoints(navigation), ...this.#points],
      values: {
        'url.full': urlOf(here.location?.href ?? ''),
        ...networkCounters(here),
        ...(this.#dropped === 0 ? {} : { 'crosscut.counter.dropped': this.#dropped }),
      },
    }
    const frame = { ids: this.ids, found, navigation, loaded: this.#loaded, end }
    this.#waiting.unshift(page, ...navigationSpans(frame))
    this.#isSettled = true
    this.flush(isLeaving)
  }
}

/** The detail of a mark or a measure, where it is a flat object. */
function valuesIn(detail: unknown): Values {
  const values: { [key: string]: string | number | boolean } = {}
  if (typeof detail !== 'object' || detail === null) return values
  for (const [key, value] of Object.entries(detail)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      values[key] = value
  }
  return values
}

function absolute(url: string, base: string | undefined): string {
  return urlOf(new URL(url, base).href)
}
