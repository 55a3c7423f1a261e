// The environment, parsed once into exact settings.
//
// A variable that cannot be understood falls back to its default, as the OpenTelemetry specification asks,
// and is told to the control plane (`doctor` shows it): printing a warning into the host's output is not
// ours to do.

import {
  ATTRIBUTES_MAX,
  BATCH_SPANS_MAX,
  BUDGET,
  EVENTS_MAX,
  EXPORT_DELAY_MS,
  EXPORT_TIMEOUT_MS,
  LINKS_MAX,
  QUEUE_SPANS_MAX,
} from './limits.ts'
import { COUNTER_NAMES, COUNTERS_BY_DEFAULT, type CounterName } from './server-counters.ts'
import { readClaimKey } from './tenant-claim.ts'
import { readTenantRule, type TenantRule } from './tenant-rule.ts'

export type SamplerSetting = {
  readonly kind: 'always_on' | 'always_off' | 'traceidratio'
  readonly isParentBased: boolean
  readonly ratio: number
}

export type Settings = {
  /** CROSSCUT_DISABLED: nothing of ours is installed at all. */
  readonly isDisabled: boolean
  /** CROSSCUT_OFF_SIGNAL: turns the agent off and, the next time, on. Without it no signal is listened to. */
  readonly offSignal: NodeJS.Signals | undefined
  /** OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER=none: baggage and tools work, spans are not recorded. */
  readonly isTracing: boolean
  readonly serviceName: string | undefined
  readonly resourceAttributes: ReadonlyMap<string, string>
  readonly sampler: SamplerSetting
  readonly propagators: readonly string[]
  readonly limits: {
    readonly attributes: number
    readonly events: number
    readonly links: number
    readonly valueLength: number
  }
  readonly batch: { readonly delayMs: number; readonly spansMax: number; readonly queueMax: number }
  readonly exporter: ExporterSettings
  readonly control: ControlSettings | undefined
  /** Which modules are woven (`#weave`), and names that are never read, added or (`-name`) taken off. */
  readonly weave: readonly string[]
  readonly redact: readonly string[]
  /** Of one core, for the advice of one tool; all together twice that. */
  readonly budget: number
  /** What the agent counts on the blocks of requests by itself. */
  readonly counters: readonly CounterName[]
  /** CROSSCUT_PAGES: documents that a browser opens tell the page which trace is theirs. */
  readonly isForPages: boolean
  /** CROSSCUT_LINK_MBITS: how quick the links of this machine are; undefined = what the system says. */
  readonly linkMbits: number | undefined
  /** CROSSCUT_TENANT: whose a request is that brings no tenant. */
  readonly tenantRule: TenantRule | undefined
  /** The setting that keeps every span back, for `crosscut doctor`: `NAME=value`. */
  readonly silencedBy: string | undefined
  /** Variables that were not understood, by name. */
  readonly misread: readonly string[]
}

export type ExporterSettings = {
  readonly url: URL
  readonly headers: ReadonlyMap<string, string>
  readonly timeoutMs: number
  readonly isGzip: boolean
  /** Path of a PEM file with the collector's certificate authority. */
  readonly certificateFile: string | undefined
}

/** `secret.fingerprint`: the secret lets us in, the fingerprint pins the key that signs desired state. */
export type ControlSettings = { readonly url: URL; readonly token: string; readonly fingerprint: string }

/** Only these words are a flag to OpenTelemetry; ours take digits too. */
const SPOKEN = { yes: ['true'], no: ['false'] }
const PROPAGATORS: readonly string[] = ['tracecontext', 'baggage']

type Environment = { readonly [name: string]: string | undefined }

/** Reads what `process.env` (or a test) says. Never throws. */
export function readSettings(env: Environment): Settings {
  const reader = new Reader(env)
  const server = reader.url('CROSSCUT_SERVER')
  const sampler = readSampler(reader)
  return {
    isDisabled: reader.flag('CROSSCUT_DISABLED'),
    offSignal: reader.signal('CROSSCUT_OFF_SIGNAL'),
    isTracing: !reader.flag('OTEL_SDK_DISABLED') && isExporting(reader),
    serviceName: reader.text('OTEL_SERVICE_NAME'),
    resourceAttributes: reader.pairs('OTEL_RESOURCE_ATTRIBUTES'),
    sampler,
    propagators: readPropagators(reader),
    limits: {
      attributes:
        reader.count('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT') ??
        reader.count('OTEL_ATTRIBUTE_COUNT_LIMIT') ??
        ATTRIBUTES_MAX,
      events: reader.count('OTEL_SPAN_EVENT_COUNT_LIMIT') ?? EVENTS_MAX,
      links: reader.count('OTEL_SPAN_LINK_COUNT_LIMIT') ?? LINKS_MAX,
      valueLength:
        reader.count('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT') ??
        reader.count('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT') ??
        Infinity,
    },
    batch: {
      delayMs: reader.count('OTEL_BSP_SCHEDULE_DELAY') ?? EXPORT_DELAY_MS,
      spansMax: reader.count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE') ?? BATCH_SPANS_MAX,
      queueMax: reader.count('OTEL_BSP_MAX_QUEUE_SIZE') ?? QUEUE_SPANS_MAX,
    },
    exporter: readExporter(reader, server),
    control: readControl(reader, server),
    weave: readList(reader.text('CROSSCUT_WEAVE') ?? ''),
    redact: readList(reader.text('CROSSCUT_REDACT') ?? ''),
    budget: reader.ratio('CROSSCUT_BUDGET') ?? BUDGET,
    counters: readCounters(reader),
    isForPages: reader.flag('CROSSCUT_PAGES'),
    linkMbits: reader.count('CROSSCUT_LINK_MBITS'),
    tenantRule: readRule(reader),
    silencedBy: silencer(reader, sampler),
    misread: [...reader.misreadNames],
  }
}

function silencer(reader: Reader, { kind, isParentBased, ratio }: SamplerSetting): string | undefined {
  if (reader.flag('OTEL_SDK_DISABLED')) return 'OTEL_SDK_DISABLED=true'
  if (!isExporting(reader)) return 'OTEL_TRACES_EXPORTER=none'
  if (kind === 'always_off') return `OTEL_TRACES_SAMPLER=${isParentBased ? 'parentbased_' : ''}always_off`
  return kind === 'traceidratio' && ratio === 0 ? 'OTEL_TRACES_SAMPLER_ARG=0' : undefined
}

const isExporting = (reader: Reader): boolean =>
  reader.oneOf(['OTEL_TRACES_EXPORTER'], ['otlp', 'none']) !== 'none'

/** Those that we have; where none of those asked for is among them, the default: a trace would end here. */
function readPropagators(reader: Reader): readonly string[] {
  const name = 'OTEL_PROPAGATORS'
  const asked = readList(reader.text(name) ?? '')
  const known = asked.filter((one) => one === 'none' || PROPAGATORS.includes(one))
  if (known.length < asked.length) reader.misread(name)
  return known.length === 0 ? PROPAGATORS : known.includes('none') ? [] : known
}

function readRule(reader: Reader): TenantRule | undefined {
  const text = reader.text('CROSSCUT_TENANT')
  const secret = reader.text('CROSSCUT_TENANT_KEY')
  const key = secret === undefined ? undefined : readClaimKey(secret)
  if (secret !== undefined && key === undefined) reader.misread('CROSSCUT_TENANT_KEY')
  const rule = text === undefined ? undefined : readTenantRule(text, key)
  if (text !== undefined && rule === undefined) reader.misread('CROSSCUT_TENANT')
  return rule
}

function readCounters(reader: Reader): readonly CounterName[] {
  const text = reader.text('CROSSCUT_COUNTERS')
  if (text === undefined) return COUNTERS_BY_DEFAULT
  const asked = text === 'none' ? [] : readList(text)
  const known = COUNTER_NAMES.filter((name) => asked.includes(name))
  if (known.length < new Set(asked).size) reader.misread('CROSSCUT_COUNTERS')
  return known
}

function readSampler(reader: Reader): SamplerSetting {
  const text = reader.text('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on'
  const isParentBased = text.startsWith('parentbased_')
  const kind = isParentBased ? text.slice('parentbased_'.length) : text
  const ratio = reader.ratio('OTEL_TRACES_SAMPLER_ARG') ?? 1
  if (kind === 'always_on' || kind === 'always_off' || kind === 'traceidratio')
    return { kind, isParentBased, ratio }
  reader.misread('OTEL_TRACES_SAMPLER')
  return { kind: 'always_on', isParentBased: true, ratio: 1 }
}

/**
 * Order of the OTLP exporter specification: signal-specific URL as is, else the base plus /v1/traces, else
 * the server's host on 4318.
 */
function readExporter(reader: Reader, server: URL | undefined): ExporterSettings {
  // The only protocol there is; what else is asked for is told.
  reader.oneOf(['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'], ['http/protobuf'])
  return {
    url: tracesUrl(reader, server),
    headers: new Map([
      ...reader.pairs('OTEL_EXPORTER_OTLP_HEADERS'),
      ...reader.pairs('OTEL_EXPORTER_OTLP_TRACES_HEADERS'),
    ]),
    timeoutMs:
      reader.count('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') ??
      reader.count('OTEL_EXPORTER_OTLP_TIMEOUT') ??
      EXPORT_TIMEOUT_MS,
    isGzip:
      reader.oneOf(
        ['OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'OTEL_EXPORTER_OTLP_COMPRESSION'],
        ['gzip', 'none'],
      ) === 'gzip',
    certificateFile:
      reader.text('OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE') ?? reader.text('OTEL_EXPORTER_OTLP_CERTIFICATE'),
  }
}

function tracesUrl(reader: Reader, server: URL | undefined): URL {
  const exact = reader.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  if (exact !== undefined) return exact
  const base = reader.url('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (base !== undefined) {
    const url = new URL(base)
    url.pathname = `${base.pathname.replace(/\/$/, '')}/v1/traces`
    return url
  }
  return new URL(`http://${server?.hostname ?? '127.0.0.1'}:4318/v1/traces`)
}

function readControl(reader: Reader, server: URL | undefined): ControlSettings | undefined {
  const token = reader.text('CROSSCUT_TOKEN')
  if (server === undefined || token === undefined) return undefined
  const dot = token.lastIndexOf('.')
  if (dot > 0 && dot < token.length - 1) return { url: server, token, fingerprint: token.slice(dot + 1) }
  reader.misread('CROSSCUT_TOKEN')
  return undefined
}

const readList = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** SIGUSR1 is Node's own, for its debugger; the others end a process or mean something to it. */
const OFF_SIGNALS: readonly NodeJS.Signals[] = ['SIGUSR2', 'SIGHUP', 'SIGWINCH', 'SIGIO', 'SIGPWR']

/** One environment; remembers what it could not read. */
class Reader {
  readonly misreadNames = new Set<string>()
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  misread(name: string): void {
    this.misreadNames.add(name)
  }

  /** An empty variable counts as unset, as the specification says. */
  text(name: string): string | undefined {
    const text = this.#env[name]?.trim()
    return text === '' ? undefined : text
  }

  flag(name: string): boolean {
    const text = this.text(name)?.toLowerCase()
    const words = name.startsWith('CROSSCUT_') ? { yes: ['true', '1'], no: ['false', '0'] } : SPOKEN
    const isSet = text !== undefined && words.yes.includes(text)
    if (text !== undefined && !isSet && !words.no.includes(text)) this.misread(name)
    return isSet
  }

  /** Of the first variable that is set: what it says, if that is one of `known`. */
  oneOf(names: readonly string[], known: readonly string[]): string | undefined {
    const name = names.find((one) => this.text(one) !== undefined) ?? ''
    const found = known.find((one) => one === this.text(name))
    if (found === undefined && name !== '') this.misread(name)
    return found
  }

  /** One that a process may listen to. */
  signal(name: string): NodeJS.Signals | undefined {
    const text = this.text(name)
    const found = OFF_SIGNALS.find((signal) => signal === text)
    if (found === undefined && text !== undefined) this.misread(name)
    return found
  }

  count(name: string): number | undefined {
    return this.#number(name, (n) => Number.isSafeInteger(n) && n >= 0)
  }

  ratio(name: string): number | undefined {
    return this.#number(name, (n) => n >= 0 && n <= 1)
  }

  url(name: string): URL | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
    this.misread(name)
    return undefined
  }

  /** `k=v,k2=v2` with percent-encoded values. A part that is no pair is left out and named. */
  pairs(name: string): ReadonlyMap<string, string> {
    const pairs = new Map<string, string>()
    for (const part of readList(this.text(name) ?? '')) {
      const equals = part.indexOf('=')
      const value = decodePercent(part.slice(equals + 1).trim())
      if (equals > 0 && value !== undefined) pairs.set(part.slice(0, equals).trim(), value)
      else this.misread(name)
    }
    return pairs
  }

  #number(name: string, isValid: (n: number) => boolean): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const n = Number(text)
    if (isValid(n)) return n
    this.misread(name)
    return undefined
  }
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
