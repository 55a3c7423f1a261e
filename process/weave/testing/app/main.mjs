#!/usr/bin/env node
// Two modules that import each other, one in CommonJS, one in TypeScript, one of a library.
import { late } from './cycle.mjs'
import { half } from './half.cjs'
import { twice } from './twice.ts'
import { lib } from 'lib'

const process = 'shadowed'
export function early() {
  return 'early'
}
console.error([
  late(),
  half(4),
  twice(4),
  lib(),
  process,
  new Error().stack.split('\n')[1].replace(/.*:(\d+):.*/, '$1'),
])
