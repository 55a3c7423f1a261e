// Schemas of routes/pages.ts.

import { count, flag, list, object, text, type Schema } from './terms.ts'

export const PAGES_SCHEMAS = {
  Any: {},
  Ok: object({ ok: flag, 'otlp?': text }),
  Status: object({ status: text }),
  ApiError: object({ error: object({ code: text, message: text, hint: text }) }),
  Readiness: object({
    status: { enum: ['ready', 'not ready'] },
    parts: list(
      object({
        name: text,
        state: { enum: ['starting', 'running', 'waiting', 'failed', 'closed'] },
        restarts: count,
        'lastError?': text,
      }),
    ),
  }),
  LoginLink: object({ url: text }),
  Connection: object({ serverUrl: text, 'agentToken?': text, 'otlpUrl?': text, 'otlpGrpcUrl?': text }),
} satisfies { readonly [name: string]: Schema }
