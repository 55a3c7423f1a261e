// In the browser: shows each piece of the page (page.ts) when its style sheets are there, and tells the
// recorder. What it did stands in `shown`, for whoever wants to hold the trace against it.

import { recordPage } from 'crosscut/browser'

const { release, country, experiment, isTogether } = globalThis.visit
const page = recordPage({
  to: '/v1/traces',
  service: 'browser',
  attributes: {
    'service.namespace': 'shelf',
    'service.version': release,
    'geo.country.iso_code': country,
    experiment,
  },
})
const PHASES = { top: ['UserInput', 'Feed'], rest: ['Photos', 'Suggestions'] }

/** Pieces by name: when they came, when they were on the screen (performance.now()). */
const shown = {}
globalThis.shown = shown
globalThis.traceparent = page.traceparent

const suggestions = Promise.withResolvers()

async function show({ name, phase, styles, after, at }) {
  // With causal-order and in the experiment nothing is shown before the suggestions are.
  const isLate = isTogether && name !== 'Suggestions'
  const last = isLate ? [await suggestions.promise] : []
  const start = isLate ? performance.now() : at
  const block = page.block(`piece ${name}`, {
    start,
    after: [after, ...last],
    needs: styles,
    attributes: { piece: name, phase },
  })
  const sheets = await Promise.all(styles.map(styled))
  const template = document.querySelector(`template[data-piece="${name}"]`)
  document.getElementById(name).append(template.content)
  await new Promise(requestAnimationFrame)
  block.end({
    'crosscut.counter.css_bytes': sheets.reduce((sum, sheet) => sum + sheet.decodedBodySize, 0),
    'crosscut.unit.css_bytes': 'By',
    'crosscut.counter.late_styles': sheets.filter((sheet) => sheet.startTime >= at).length,
  })
  shown[name] = { at, until: performance.now() }
  if (name === 'Suggestions') suggestions.resolve(block.traceparent)
  if (PHASES.top.every((one) => one in shown) && phase === 'top') performance.mark('display_done')
  if (
    Object.values(PHASES)
      .flat()
      .every((one) => one in shown)
  )
    performance.mark('all_shown')
}

/** How this style sheet was loaded, once it holds; whether it was foretold or not. */
function styled(href) {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    link.href = href
    // A sheet that was foretold has two entries: it was loaded once, and found again.
    link.onload = () => resolve(performance.getEntriesByName(link.href)[0])
    link.onerror = () => reject(new Error(`no style sheet ${href}`))
    document.head.append(link)
  })
}

const waiting = globalThis.pieces
globalThis.pieces = { push: (piece) => void show(piece) }
for (const piece of waiting) void show(piece)
