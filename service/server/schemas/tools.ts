// Schemas of routes/tools.ts.

import { count, flag, list, map, number, object, ref, text, type Schema } from './terms.ts'

const OPERATIONS = [
  'observe',
  'filter',
  'let',
  'now',
  'random',
  'unpack',
  'pack',
  'set',
  'replace',
  'increment',
  'drop',
  'keep',
  'verify',
  'emit',
  'act',
]

export const TOOLS_SCHEMAS = {
  ToolPackage: object({
    'name?': text,
    'version?': count,
    'schema?': text,
    advice: list(
      object({
        tracepoint: text,
        instructions: list(object({ op: { enum: OPERATIONS } })),
      }),
    ),
    'parameters?': map({ type: ['string', 'number', 'boolean'] }),
    'release?': count,
    'agents?': object({
      installed: count,
      failed: count,
      held: count,
      holding: list(object({ agent: text, service: text, pid: count, held: count })),
    }),
  }),
  ToolList: object({ tools: list(ref('ToolPackage')), stateVersion: count, disabled: flag }),
  Deployed: object({ name: text, 'version?': count, stateVersion: count }),
  Released: object({ name: text, held: count, stateVersion: count }),
  KillSwitch: object({ disabled: flag }),
  Audit: object({
    isIntact: flag,
    entries: list(
      object({
        seq: count,
        timeMs: number,
        who: text,
        what: text,
        detail: map({}),
        previous: text,
        hash: text,
      }),
    ),
  }),
} satisfies { readonly [name: string]: Schema }
