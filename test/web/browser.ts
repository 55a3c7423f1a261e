// A real Chromium on the real build, watching for what must never happen: a violated policy, an uncaught
// error, a script that came in as data.
//
// The cast: `Browsing` owns the browser and the fixture server; each test takes a fresh, empty profile by
// open().

import assert from 'node:assert/strict'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { startFixtureServer, type FixtureServer } from './fixture-server.ts'

/** On a busy machine; what is awaited is mostly there at once. */
const WAIT_MS_MAX = 30_000

export const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export type Opened = { readonly page: Page; readonly context: BrowserContext; readonly complaints: string[] }
export type OpenOptions = {
  readonly theme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
  /** Complaints with one of these texts are what the test is about. */
  readonly expected?: readonly string[]
}

export class Browsing {
  readonly fixture: FixtureServer
  readonly #browser: Browser

  private constructor(fixture: FixtureServer, browser: Browser) {
    this.fixture = fixture
    this.#browser = browser
  }

  static async start(): Promise<Browsing> {
    await ensureWebBuilt()
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_ARGS })
    return new Browsing(await startFixtureServer(), browser)
  }

  /**
   * Opens a page of the app in a profile of its own, runs the test on it, and fails when the page complained.
   */
  async open(address: string, options: OpenOptions, test: (opened: Opened) => Promise<void>): Promise<void> {
    const context = await this.#browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      colorScheme: options.theme ?? 'light',
    })
    const page = await context.newPage()
    page.setDefaultTimeout(WAIT_MS_MAX)
    const complaints: string[] = []
    page.on('pageerror', (error) => {
      complaints.push(`uncaught: ${error.message}`)
    })
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    try {
      await page.goto(this.fixture.url + address, { waitUntil: 'domcontentloaded' })
      await test({ page, context, complaints })
      const rest = complaints.filter(
        (complaint) => !(options.expected ?? []).some((text) => complaint.includes(text)),
      )
      assert.deepEqual(rest, [])
      assert.equal(await page.evaluate('window.__pwned'), undefined)
    } finally {
      await context.close()
    }
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await this.fixture.close()
  }
}

/** Waits until the page says so; polls, because what is awaited may be an address or a count. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS_MAX
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `waited ${WAIT_MS_MAX} ms for: ${what}`)
    await new Promise((done) => setTimeout(done, 25))
  }
}

/** Different colours among the pixels of a canvas: 1 or less is a canvas that nobody drew on. */
export function colourCount(page: Page, selector: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector(${JSON.stringify(selector)})
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const seen = new Set()
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 255) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2])
    }
    return seen.size
  })()`)
}

/**
 * An expression of `row` for each element that matches; as text, since these tests are typed without a DOM.
 */
export function mapped(page: Page, selector: string, expression: string): Promise<string[]> {
  return page.evaluate(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((row) => ${expression})`,
  )
}
