// The face of weave/: see README.md.
export { Weave, type UnwovenReason, type WeaveOptions } from './weave.ts'
export type { Clone, CloneFunction, Hook, Invocation, Probe, WovenFunction } from './sites.ts'
