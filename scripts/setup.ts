// `npm run setup`: everything that `npm start` needs, without starting anything. Today that is the web app's
// build; the packages and Node itself are in place when this file runs (bootstrap.mjs saw to them).

import { ensureWebBuilt } from './web-build.ts'
import { say } from './toolchain.mjs'

await ensureWebBuilt()
say('ready: npm start')
