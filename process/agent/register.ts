// The entry `crosscut/agent`, for `node --import crosscut/agent app.js` and for `crosscut attach`. The only
// file of the package that acts when it is loaded.

import { startAgent } from './start.ts'
import { readSettings } from './settings.ts'

const agent = startAgent(readSettings(process.env))

/** For `crosscut attach`: modules were loaded before this one; of ES modules, those with these URLs. */
export const adopt = (urls: readonly string[]): Promise<void> => agent.adopt(urls)
