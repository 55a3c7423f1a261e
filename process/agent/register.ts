// The entry `crosscut/agent`, for `node --import crosscut/agent app.js`. The only file of the package that
// acts when it is loaded.

import { startAgent } from './start.ts'
import { readSettings } from './settings.ts'

startAgent(readSettings(process.env))
