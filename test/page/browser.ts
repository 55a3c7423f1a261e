// The recorder as the package ships it, and a Chromium to run it in.

import path from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { rolldown } from 'rolldown'
import { ROOT } from '../../scripts/toolchain.mjs'

/** One ES module, minified. */
export async function bundledRecorder(): Promise<string> {
  const bundle = await rolldown({ input: path.join(ROOT, 'process/browser/index.ts'), platform: 'browser' })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  return output[0].code
}

export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  })
}
