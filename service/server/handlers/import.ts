// Import: a file's body on its way to the log, and what became of it.

import type { Handler } from '../exchange.ts'
import { sendJson } from '../http-io.ts'
import { RequestError } from '../server-error.ts'
import { whoIs } from './who.ts'

export const importFile: Handler = async (exchange, { pipeline, audit }) => {
  const running = pipeline()
  if (running === undefined)
    throw new RequestError(503, 'E_STARTING', 'the server is starting', 'try again in a second')
  const counts = await running.importFile(exchange.request, exchange.query.get('format') ?? '')
  const { format, acceptedSpans, rejectedSpans } = counts
  audit.add(whoIs(exchange), 'import', { format, acceptedSpans, rejectedSpans })
  sendJson(exchange.response, 200, counts)
}
