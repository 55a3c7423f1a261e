// An application in TypeScript and CommonJS that knows nothing of us: each request buys books, and the answer
// says what was done.

import http from 'node:http'
import { createRequire } from 'node:module'
import { trace } from '@opentelemetry/api'
import { Store, type Book } from './store.ts'

const prices = createRequire(import.meta.url)('./prices.cjs') as { priceOf(title: string): number }
const store = new Store('main')

async function handle(user: string, titles: readonly string[]): Promise<{ paid: number; user: string }> {
  let paid = 0
  for (const title of titles) paid += await buy({ title, user })
  return { paid, user }
}

const buy = async ({ title, user }: { title: string; user: string }): Promise<number> => {
  const book: Book = await store.take(title)
  if (book.copies < 0) throw new Error(`${title} is sold out for ${user}`)
  return prices.priceOf(book.title)
}

/** Told to whoever listens to OpenTelemetry. */
async function checkout(user: string, titles: readonly string[]): Promise<{ paid: number; user: string }> {
  const attributes = { 'shop.user': user }
  return await trace.getTracer('bookshop').startActiveSpan('checkout', { attributes }, async (span) => {
    try {
      return await handle(user, titles)
    } finally {
      span.end()
    }
  })
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://here')
  const [, user = '', list = ''] = url.pathname.split('/')
  checkout(user, list.split(',')).then(
    (done) => response.end(JSON.stringify(done)),
    (error: Error) => response.writeHead(409).end(error.message),
  )
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`port ${typeof address === 'object' ? address?.port : ''}`)
})
