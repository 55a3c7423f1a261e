// Bags of the agent's own. Ids 14 to 63 are ours and our tools'; the others belong to applications
// (docs/reference/bdl.md). 14 and 15 leave the first ones, which everybody tries first, alone
// and still survive a trim longer than most.
//
// Loaded when first used: an application that names no tenant never pays for the compiler of schemas.

import { loadBdl, type Baggage, type BagType } from '#baggage'

const SCHEMA = `
  bag Tenant = 14 { string id = 0; }
  bag Tags = 15 { map<string, string> values = 0; }
`

type TenantValue = { id?: string }
type TagsValue = { values?: Map<string, string> }

/** A value of one name: longer ones are cut, for they ride with each request. */
const TEXT_LENGTH_MAX = 256

export type Workflow = {
  tenant(baggage: Baggage): string | undefined
  withTenant(baggage: Baggage, id: string): Baggage
  tag(baggage: Baggage, key: string): string | undefined
  withTag(baggage: Baggage, key: string, value: string): Baggage
}

export function openWorkflow(): Workflow {
  let loaded: { readonly tenant: BagType<TenantValue>; readonly tags: BagType<TagsValue> } | undefined
  const bags = () => (loaded ??= load())
  return {
    tenant: (baggage) => (baggage.byteLength === 0 ? undefined : bags().tenant.read(baggage)?.id),
    withTenant: (baggage, id) => bags().tenant.write(baggage, { id: id.slice(0, TEXT_LENGTH_MAX) }),
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

function load() {
  const { Tenant: tenant, Tags: tags } = loadBdl(SCHEMA)
  if (tenant === undefined || tags === undefined)
    throw new Error('the schema of the agent declares Tenant and Tags')
  return { tenant, tags }
}
