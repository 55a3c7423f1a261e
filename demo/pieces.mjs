// In the browser: shows each piece of the page (page.ts) when its style sheets are there, and tells the
// recorder. What it did stands in `shown` and `waited`, for whoever wants to hold the trace against it.

import { recordPage } from 'crosscut/browser'

const page = recordPage({
  to: '/v1/traces',
  service: 'browser',
  attributes: { 'service.namespace': 'shelf' },
})
const PHASES = { top: ['UserInput', 'Feed'], rest: ['Photos', 'Suggestions'] }

/** Pieces by name: when they came, when they were on the screen (performance.now()). */
const shown = {}
globalThis.shown = shown
globalThis.traceparent = page.traceparent

async function show({ name, phase, styles, after, at }) {
  const block = page.block(`piece ${name}`, {
    start: at,
    after,
    needs: styles,
    attributes: { piece: name, phase },
  })
  await Promise.all(styles.map(styled))
  const template = document.querySelector(`template[data-piece="${name}"]`)
  document.getElementById(name).append(template.content)
  await new Promise(requestAnimationFrame)
  block.end()
  shown[name] = { at, until: performance.now() }
  if (PHASES.top.every((one) => one in shown) && phase === 'top') performance.mark('display_done')
  if (
    Object.values(PHASES)
      .flat()
      .every((one) => one in shown)
  )
    performance.mark('all_shown')
}

/** Settles when this style sheet holds, whether it was foretold or not. */
function styled(href) {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    link.href = href
    link.onload = resolve
    link.onerror = () => reject(new Error(`no style sheet ${href}`))
    document.head.append(link)
  })
}

const waiting = globalThis.pieces
globalThis.pieces = { push: (piece) => void show(piece) }
for (const piece of waiting) void show(piece)
