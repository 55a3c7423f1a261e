// The face of weave/: see README.md.
export { Weave, type UnwovenReason, type WeaveOptions } from './weave.ts'
export type { Hook, Invocation, WovenFunction } from './sites.ts'
