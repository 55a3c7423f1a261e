// A service whose answers are worth something for a while only. As a front it gives a request its time and
// asks the back; as a back it works until who asked has no use for it, and has one place for rows.

import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { cancelSignal, FairGate, remainingMs, setDeadline, tenant } from '../../process/api/index.ts'

const rows = new FairGate({ name: 'rows', slots: 1 })
const counts = { begun: 0, done: 0, cancelled: [] }

const DEEDS = {
  '/counts': () => counts,
  '/front': async ({ within = Infinity, path }) => {
    setDeadline(Number(within))
    const answer = await fetch(process.env.BACK + path, { signal: cancelSignal() })
    return { status: answer.status, body: await answer.json() }
  },
  '/work': async ({ ms }, response) => {
    const left = remainingMs()
    try {
      await sleep(Number(ms), undefined, { signal: cancelSignal(response) })
    } catch (error) {
      counts.cancelled.push(error.cause.name)
      throw error
    }
    counts.done += 1
    return { left }
  },
  '/row': ({ ms }) =>
    rows.run(async () => {
      counts.begun += 1
      await sleep(Number(ms))
      return { left: remainingMs() }
    }),
}

const server = http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://here')
  const given = Object.fromEntries(searchParams)
  if (given.tenant !== undefined) tenant(given.tenant)
  try {
    response.end(JSON.stringify(await DEEDS[pathname](given, response)))
  } catch (error) {
    const { name, code, cause } = error
    response.writeHead(500).end(JSON.stringify({ name, code: code ?? cause?.code }))
  }
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
