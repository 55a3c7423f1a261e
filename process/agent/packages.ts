// Makes it so: from the packages a believed state names to the advice that is woven.
//
// One function of the state, not a history of commands: a process that starts late, or missed three states,
// ends up the same. A package that is refused leaves the others alone and is reported with its reason.

import { compilePackage, parsePackage, verifyPackage, type CompiledAdvice } from '#advice'
import type { AgentReport } from '#protocol'

export type PackageStatus = AgentReport['packages'][number]

export type Reconciled = {
  readonly advice: readonly CompiledAdvice[]
  readonly statuses: readonly PackageStatus[]
}

/**
 * Packages of one state: far more than anybody runs, and 256 x 32 advices is what a Map holds without
 * noticing.
 */
const PACKAGES_MAX = 256

export function reconcile(packages: readonly unknown[]): Reconciled {
  const results = packages.slice(0, PACKAGES_MAX).map(install)
  return {
    advice: results.flatMap((result) => result.advice),
    statuses: results.map((result) => result.status),
  }
}

function install(json: unknown): {
  readonly advice: readonly CompiledAdvice[]
  readonly status: PackageStatus
} {
  try {
    const tool = parsePackage(json)
    return { advice: compilePackage(verifyPackage(tool)), status: { name: tool.name, version: tool.version } }
  } catch (error: unknown) {
    return { advice: [], status: { ...nameOf(json), error: describe(error) } }
  }
}

function nameOf(json: unknown): { name: string; version: number } {
  const held = Object(json)
  return {
    name: String(held.name ?? '?').slice(0, 128),
    version: Number.isSafeInteger(held.version) ? held.version : 0,
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'E_UNKNOWN'
  return 'code' in error
    ? `${String(error.code)} ${error.message}`.slice(0, 300)
    : error.message.slice(0, 300)
}
