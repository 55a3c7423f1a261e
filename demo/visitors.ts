// Visitors of the page: so many, a few at a time, from several countries in turn, each with a browser that
// was never there before. A visit ends when the page has said what it saw, to its own origin.
//
//   node demo/visitors.ts http://127.0.0.1:PORT/page --visits 12
//
// Prints a line a visit: its id, country, trace, and when the top of it was displayed, by its own clock.

import { parseArgs } from 'node:util'
import { chromium, type Browser } from 'playwright-core'

const HELP = `Usage: node demo/visitors.ts URL [options]
  --visits N     how many (default 12)
  --width N      at a time (default 3)
  --browser FILE a Chromium (default /usr/bin/chromium)`
const COUNTRIES = ['DE', 'BR', 'IN'] as const
/** A page says what it saw a second after it was loaded. */
const VISIT_MS_MAX = 30_000

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    visits: { type: 'string', default: '12' },
    width: { type: 'string', default: '3' },
    browser: { type: 'string', default: '/usr/bin/chromium' },
    help: { type: 'boolean', default: false },
  },
})
const [url] = positionals
if (flags.help || url === undefined) {
  console.log(HELP)
  process.exit(flags.help ? 0 : 2)
}

const browser = await chromium.launch({
  executablePath: flags.browser,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
})
let begun = 0
const lanes = Array.from({ length: Number(flags.width) }, async () => {
  while (begun < Number(flags.visits)) await visit(browser, url, begun++)
})
try {
  await Promise.all(lanes)
} finally {
  await browser.close()
}

async function visit(from: Browser, page: string, index: number): Promise<void> {
  const country = COUNTRIES[index % COUNTRIES.length] ?? 'DE'
  // What a proxy at the edge would add.
  const context = await from.newContext({ extraHTTPHeaders: { 'cf-ipcountry': country } })
  const tab = await context.newPage()
  tab.setDefaultTimeout(VISIT_MS_MAX)
  const told = tab.waitForResponse((response) => response.url().endsWith('/v1/traces'))
  await tab.goto(page)
  await told
  const [rid, traceparent, displayMs] = await tab.evaluate<[string, string, number]>(
    '[visit.rid, traceparent, performance.getEntriesByName("display_done")[0].startTime]',
  )
  await context.close()
  console.log(`visit ${rid} ${country} ${traceparent.split('-')[1]} ${displayMs.toFixed(0)} ms`)
}
