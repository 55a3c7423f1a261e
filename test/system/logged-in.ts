// A page of a running Crosscut in a real Chromium, logged in, watched for what must never happen: an uncaught
// error, a violated policy, a dialog of a script that came in as data.

import { chromium, type Page } from 'playwright-core'
import { CHROMIUM_ARGS } from '../web/browser.ts'

export type LoggedIn = {
  readonly page: Page
  /** What the page complained of so far; who expects one takes it out. */
  readonly complaints: string[]
  close(): Promise<void>
}

type Options = { readonly width?: number; readonly height?: number; readonly waitMs?: number }

/** `link` logs in, once. */
export async function openLoggedIn(link: string, options: Options = {}): Promise<LoggedIn> {
  const { width = 1280, height = 800, waitMs = 30_000 } = options
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_ARGS })
  const page = await (await browser.newContext({ viewport: { width, height } })).newPage()
  const complaints: string[] = []
  page.setDefaultTimeout(waitMs)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.goto(link)
  return { page, complaints, close: () => browser.close() }
}
