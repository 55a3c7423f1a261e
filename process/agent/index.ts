// The face of agent/: see README.md.
export { startAgent, type Agent } from './start.ts'
export { readSettings, type Settings } from './settings.ts'
