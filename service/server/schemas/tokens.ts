// Schemas of routes/tokens.ts.

import { list, number, object, text, type Schema } from './terms.ts'

const tokenView = { id: text, name: text, may: list(text), createdMs: number, expiresMs: number }

export const TOKENS_SCHEMAS = {
  TokenRequest: object({ name: text, may: list(text), 'ttlSeconds?': number }),
  TokenCreated: object({ ...tokenView, secret: text }),
  TokenList: object({ tokens: list(object(tokenView)) }),
  TokenRevoked: object({ id: text }),
} satisfies { readonly [name: string]: Schema }
