// What the schemas of all areas are made of.

export type Schema = { readonly [keyword: string]: unknown }

export const text: Schema = { type: 'string' }
export const count: Schema = { type: 'integer', minimum: 0 }
export const number: Schema = { type: 'number' }
export const maybeNumber: Schema = { type: ['number', 'null'] }
export const flag: Schema = { type: 'boolean' }
export const ns: Schema = { type: 'string', pattern: '^-?[0-9]+$', description: 'nanoseconds, decimal' }
export const id16: Schema = { type: 'string', pattern: '^[0-9a-f]{16}$' }
export const id32: Schema = { type: 'string', pattern: '^[0-9a-f]{32}$' }
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
export const list = (items: Schema): Schema => ({ type: 'array', items })
export const map = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })

/** All members required but those whose name ends in '?'. */
export function object(members: { readonly [name: string]: Schema }): Schema {
  const entries = Object.entries(members)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace('?', ''), schema])),
    required: entries.map(([name]) => name).filter((name) => !name.endsWith('?')),
  }
}

export const datasetColumn = {
  name: text,
  type: { enum: ['number', 'string', 'strings', 'boolean'] },
  'unit?': text,
}

export const instant: Schema = {
  description: 'ns (17 digits and more) or ms since the epoch, or ISO 8601',
  type: ['string', 'number'],
}
