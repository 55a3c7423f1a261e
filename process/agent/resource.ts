// Who this process is: the OTLP resource of all its spans, and what it says to the control plane.

import os from 'node:os'
import path from 'node:path'
import type { Settings } from './settings.ts'

export const AGENT_VERSION = '0.1.0'

export type ResourceValue = string | number
export type Resource = ReadonlyMap<string, ResourceValue>

/** Precedence of the specification: OTEL_SERVICE_NAME, then OTEL_RESOURCE_ATTRIBUTES, then what is found. */
export function readResource(settings: Settings, entry: string | undefined = process.argv[1]): Resource {
  const found = new Map<string, ResourceValue>([
    ['service.name', `unknown_service:${path.basename(process.execPath)}`],
    ['host.name', os.hostname()],
    ['process.pid', process.pid],
    ['process.runtime.name', 'nodejs'],
    ['process.runtime.version', process.versions.node],
    ['process.command', entry ?? ''],
    ['telemetry.sdk.name', 'crosscut'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.version', AGENT_VERSION],
  ])
  for (const [key, value] of settings.resourceAttributes) found.set(key, value)
  if (settings.serviceName !== undefined) found.set('service.name', settings.serviceName)
  return found
}
