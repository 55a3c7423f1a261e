// Calls into the module that imports it before that has begun.
import { early } from './main.mjs'

const before = early()
export const late = () => `late after ${before.trim()}`
