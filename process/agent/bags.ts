// Bags of the agent's own. Ids 14 to 63 are ours and our tools'; the others belong to applications
// (docs/reference/bdl.md). 14 and 15 leave the first ones, which everybody tries first, alone
// and still survive a trim longer than most.
//
// Loaded when first used: an application that names no tenant never pays for the compiler of schemas.

import { Baggage, loadBdl, type BagType } from '#baggage'
import { METER_WORKFLOWS_MAX } from './limits.ts'
import { BATCH_MEMBERS_MAX } from './meters/limits.ts'
import { OTHERS } from './meters/workflows.ts'

const SCHEMA = `
  bag Tenant = 14 { string id = 0; string members = 1; }
  bag Tags = 15 { map<string, string> values = 0; }
`

type TenantValue = { id?: string; members?: string }
const NOBODY: TenantValue = Object.freeze({})
type TagsValue = { values?: Map<string, string> }

/** A value of one name: longer ones are cut, for they ride with each request. */
const TEXT_LENGTH_MAX = 256

/** As many as are measured apart; 600 B each. */
const NAMED_ALONE_MAX = METER_WORKFLOWS_MAX

export type Workflow = {
  tenant(baggage: Baggage): string | undefined
  withTenant(baggage: Baggage, id: string): Baggage
  /** Of work on behalf of several: their shares, by name; undefined = of one alone. */
  members(baggage: Baggage): ReadonlyMap<string, number> | undefined
  /** The largest share is who it is named after, for whoever asks for one tenant. */
  withMembers(baggage: Baggage, members: ReadonlyMap<string, number>): Baggage
  tag(baggage: Baggage, key: string): string | undefined
  withTag(baggage: Baggage, key: string, value: string): Baggage
}

export function openWorkflow(): Workflow {
  let loaded: { readonly tenant: BagType<TenantValue>; readonly tags: BagType<TagsValue> } | undefined
  const bags = () => (loaded ??= load())
  // Several ask at each step of a request, of the same bytes.
  let last: { readonly bytes: Uint8Array; readonly value: TenantValue } | undefined
  const read = (baggage: Baggage): TenantValue => {
    if (baggage.byteLength === 0) return NOBODY
    const bytes = baggage.encode()
    if (last?.bytes !== bytes) last = { bytes, value: bags().tenant.read(baggage) ?? NOBODY }
    return last.value
  }
  // What names a tenant and holds nothing else is made once: most requests bring nothing.
  const alone = new Map<string, Baggage>()
  const write = (baggage: Baggage, id: string) => bags().tenant.write(baggage, { id })
  const nameAlone = (id: string): Baggage => {
    const known = alone.get(id)
    if (known !== undefined) return known
    const made = write(Baggage.empty, id)
    if (alone.size >= NAMED_ALONE_MAX) alone.clear()
    alone.set(id, made)
    return made
  }
  return {
    tenant: (baggage) => read(baggage).id,
    withTenant: (baggage, id) => {
      const cut = id.slice(0, TEXT_LENGTH_MAX)
      return baggage.byteLength === 0 ? nameAlone(cut) : write(baggage, cut)
    },
    members: (baggage) => {
      const text = read(baggage).members
      return text === undefined || text === '' ? undefined : parseMembers(text)
    },
    withMembers: (baggage, members) => {
      const told = largest(members)
      const [first] = told
      if (first === undefined) return baggage
      const text = told
        .map(([name, share]) => `${encodeURIComponent(name.toWellFormed())}=${share}`)
        .join('&')
      return bags().tenant.write(baggage, { id: first[0], members: told.length > 1 ? text : '' })
    },
    tag: (baggage, key) =>
      baggage.byteLength === 0 ? undefined : bags().tags.read(baggage)?.values?.get(key),
    withTag: (baggage, key, value) =>
      bags().tags.update(baggage, (held) => ({
        ...held,
        values: new Map([
          ...(held.values ?? []),
          [key.slice(0, TEXT_LENGTH_MAX), value.slice(0, TEXT_LENGTH_MAX)],
        ]),
      })),
  }
}

/** The largest first; of more than are told apart, the rest are one. Shares that are no numbers are none. */
function largest(members: ReadonlyMap<string, number>): (readonly [string, number])[] {
  const all = [...members]
    .filter(([name, share]) => name !== '' && share > 0 && share < Number.POSITIVE_INFINITY)
    .map(([name, share]) => [name.slice(0, TEXT_LENGTH_MAX), share] as const)
    .sort(([, a], [, b]) => b - a)
  if (all.length <= BATCH_MEMBERS_MAX) return all
  const rest = all.slice(BATCH_MEMBERS_MAX - 1).reduce((sum, [, share]) => sum + share, 0)
  return [...all.slice(0, BATCH_MEMBERS_MAX - 1), [OTHERS, rest]]
}

/** It may come from anywhere: what makes no sense is left out. */
function parseMembers(text: string): ReadonlyMap<string, number> | undefined {
  const members = new Map<string, number>()
  for (const part of text.split('&', BATCH_MEMBERS_MAX)) {
    const equals = part.indexOf('=')
    const share = Number(part.slice(equals + 1))
    const name = equals > 0 ? decoded(part.slice(0, equals)) : ''
    if (name !== '' && share > 0 && share < Number.POSITIVE_INFINITY)
      members.set(name, (members.get(name) ?? 0) + share)
  }
  return members.size > 1 ? members : undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

function load() {
  const { Tenant: tenant, Tags: tags } = loadBdl(SCHEMA)
  if (tenant === undefined || tags === undefined)
    throw new Error('the schema of the agent declares Tenant and Tags')
  return { tenant, tags }
}
