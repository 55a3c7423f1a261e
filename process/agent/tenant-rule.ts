// Whose request it is, where the application does not say: a rule on what the request brings
// (CROSSCUT_TENANT).
//
//   header:x-tenant,query:tenant,path:1     the first that gives something; path:1 is `acme` of /acme/orders
//   claim:org                               of a signed token (tenant-claim.ts); wants CROSSCUT_TENANT_KEY
//
// It is for the edge of a system: from there on the tenant travels as baggage, which is asked first. What
// a client writes is believed, so a rule belongs behind whatever checks who the client is; but for a claim,
// which is checked here.

import type { IncomingMessage } from 'node:http'
import type { Baggage } from '#baggage'
import type { CarrierObserver } from '#carriers'
import { TENANT_LENGTH_MAX, TENANT_RULES_MAX } from './limits.ts'
import { openClaims, type ClaimKey } from './tenant-claim.ts'

export type TenantRule = (request: IncomingMessage) => string | undefined

/** undefined = it is no rule, or one of claims without a key. */
export function readTenantRule(text: string, key?: ClaimKey): TenantRule | undefined {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const rules = parts.map((part) => readOne(part, key))
  if (rules.length === 0 || rules.length > TENANT_RULES_MAX || rules.includes(undefined)) return undefined
  return (request) => {
    for (const rule of rules) {
      const tenant = cleaned(rule?.(request))
      if (tenant !== undefined) return tenant
    }
    return undefined
  }
}

function readOne(text: string, key: ClaimKey | undefined): TenantRule | undefined {
  const colon = text.indexOf(':')
  const [kind, name] = [text.slice(0, colon), text.slice(colon + 1)]
  if (name === '') return undefined
  if (kind === 'header') {
    const header = name.toLowerCase()
    return /^[\w!#$%&'*+.^`|~-]+$/.test(header) ? ({ headers }) => first(headers[header]) : undefined
  }
  if (kind === 'query') return ({ url = '' }) => queryOf(url).get(name) ?? undefined
  if (kind === 'claim') {
    const claims = key === undefined ? undefined : openClaims(name, key)
    return claims === undefined ? undefined : ({ headers }) => claims(headers.authorization)
  }
  const place = Number(name)
  if (kind === 'path' && Number.isSafeInteger(place) && place >= 1)
    return ({ url = '' }) => segmentOf(url, place)
  return undefined
}

const first = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.[0]

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

function segmentOf(url: string, place: number): string | undefined {
  const segment = url.split('?', 1)[0]?.split('/', place + 1)[place]
  if (segment === undefined) return undefined
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment // no escape after all: it is taken as it came
  }
}

/** A name as others can read it; what is empty or too long is none. */
function cleaned(value: string | undefined): string | undefined {
  const name = value?.trim() ?? ''
  return name === '' || name.length > TENANT_LENGTH_MAX || /\p{Cc}/u.test(name) ? undefined : name
}

type Names = {
  tenant(baggage: Baggage): string | undefined
  withTenant(baggage: Baggage, id: string): Baggage
}

/** Requests that come without a tenant get the rule's, before anybody else looks at them. */
export function namingTenants(
  rule: TenantRule | undefined,
  names: Names,
  observer: CarrierObserver,
): CarrierObserver {
  if (rule === undefined) return observer
  return {
    ...observer,
    serverStart(exchange) {
      const tenant = names.tenant(exchange.baggage) === undefined ? rule(exchange.request) : undefined
      if (tenant !== undefined) exchange.baggage = names.withTenant(exchange.baggage, tenant)
      observer.serverStart?.(exchange)
    },
  }
}
