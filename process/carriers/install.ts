// Installs every carrier of this process, and takes them off again.
//
// Nothing is read from the environment here but in carrierSettingsFromEnv, which the agent calls; nothing
// happens on import.
import type { DropCounts } from './counts.ts'
import type { CarrierObserver } from './exchange.ts'
import { addressRules } from './address-rules.ts'
import { fleetKey, type FleetKey } from './fleet-key.ts'
import { HoldSwitch, type Holds } from './holds.ts'
import { patchServers } from './http-admission.ts'
import { HttpEvents } from './http-events.ts'
import { beginAsked, installHttpClient } from './http-client.ts'
import type { Begin } from './http-departure.ts'
import { installHttpServer } from './http-server.ts'
import { quietly } from './quiet.ts'
import { installThreads } from './threads.ts'
import { installUndici } from './undici.ts'
import { Wire } from './wire.ts'

const LOCAL = 'loopback,private'

export interface CarrierSettings {
  /**
   * Peers whose baggage is taken in: CIDR ranges, addresses, `loopback`, `private`, `all`, `none`. Default:
   * loopback,private.
   */
  readonly trust?: string
  /**
   * Hosts that get our baggage besides loopback, private ranges and single-label names; starts with `none,` =
   * only these.
   */
  readonly egress?: string
  /** With it only signed baggage is taken in, whatever the address. */
  readonly fleetKey?: string
}

export interface CarrierOptions extends CarrierSettings {
  readonly observer?: CarrierObserver
  /** Told of each step before the observer: what comes with a request and leaves with it beside spans. */
  readonly steering?: CarrierObserver
  /** Told first: it says for whom a request is, if nobody did. With it exchanges tell when things were. */
  readonly metering?: CarrierObserver | undefined
  /** Told of faults of ours or of the observer, which the host never sees. */
  readonly onFault?: (error: unknown) => void
}

export interface Carriers {
  /** What was dropped, by reason; grows, read-only for the caller. */
  readonly counts: Readonly<DropCounts>
  /** Settings entries that made no sense and were ignored. */
  readonly rejected: readonly string[]
  /** Requests created synchronously by fn carry nothing and are not observed: for the agent's own traffic. */
  quietly<R>(fn: () => R): R
  /**
   * From now on these are asked before a request begins; what is not given is taken off. Calls are held some
   * ms later, the first time: what asks for them is loaded.
   */
  hold(holds: Holds): void
  /** Loads that. Never rejects. */
  prepareHolds(): Promise<void>
  uninstall(): void
}

/** CROSSCUT_TRUST, CROSSCUT_EGRESS, CROSSCUT_FLEET_KEY. */
export function carrierSettingsFromEnv(env: NodeJS.ProcessEnv): CarrierSettings {
  const settings: { trust?: string; egress?: string; fleetKey?: string } = {}
  if (env['CROSSCUT_TRUST'] !== undefined) settings.trust = env['CROSSCUT_TRUST']
  if (env['CROSSCUT_EGRESS'] !== undefined) settings.egress = env['CROSSCUT_EGRESS']
  if (env['CROSSCUT_FLEET_KEY']) settings.fleetKey = env['CROSSCUT_FLEET_KEY']
  return settings
}

/** Of CROSSCUT_FLEET_KEY; undefined without one. */
export function fleetKeyFromEnv(env: NodeJS.ProcessEnv): FleetKey | undefined {
  const secret = carrierSettingsFromEnv(env).fleetKey
  return secret === undefined ? undefined : fleetKey(secret)
}

/**
 * Context must be started by the caller (startContext): carriers move frames, they do not decide whether
 * there are any.
 */
export function installCarriers(options: CarrierOptions = {}): Carriers {
  const trust = addressRules(options.trust ?? LOCAL)
  const egress = addressRules(egressList(options.egress))
  const holds: HoldSwitch = new HoldSwitch({
    server: () => patchServers(wire),
    departures: async () => {
      const { patchAgents } = await import('./http-departure.ts')
      const { departUndici } = await import('./undici-departure.ts')
      const begin: Begin = (request, port) => beginAsked({ wire, events }, request, port)
      return { http: () => patchAgents(begin), undici: departUndici }
    },
    failed: (error) => wire.hookFailed(error),
  })
  const wire: Wire = new Wire({
    holds,
    observer: options.observer ?? {},
    steering: options.steering ?? {},
    metering: options.metering,
    trust,
    egress,
    key: options.fleetKey ? fleetKey(options.fleetKey) : undefined,
    onFault: options.onFault ?? (() => {}),
  })
  const events: HttpEvents = new HttpEvents()
  const uninstalls = [
    installHttpServer(wire, events),
    installHttpClient(wire, events),
    installUndici(wire),
    installThreads(wire),
    () => events.uninstall(),
  ]
  return {
    counts: wire.counts,
    rejected: [...trust.rejected, ...egress.rejected],
    quietly,
    hold: (wanted) => holds.set(wanted),
    prepareHolds: () => holds.prepare(),
    uninstall() {
      holds.set({})
      for (const uninstall of uninstalls.splice(0)) uninstall()
    },
  }
}

function egressList(given: string | undefined): string {
  if (given === undefined || given.trim() === '') return LOCAL
  return given.trim().startsWith('none') ? given : `${LOCAL},${given}`
}
