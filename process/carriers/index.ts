// The face of carriers/: see README.md.
export type { CarrierObserver, ClientExchange, MessageExchange, ServerExchange } from './exchange.ts'
export type { ClientHold, Holds, ServerHold } from './holds.ts'
export { cleanTracestate, formatTraceparent, parseTraceparent, type TraceParent } from './trace-context.ts'
export {
  carrierSettingsFromEnv,
  fleetKeyFromEnv,
  installCarriers,
  type CarrierOptions,
  type Carriers,
  type CarrierSettings,
} from './install.ts'
export { carriedIn, withForeignMembers, type Carried } from './wire.ts'
export type { DropCounts, DropReason } from './counts.ts'
