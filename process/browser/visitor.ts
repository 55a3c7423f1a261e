// The device, its network and the page's language, as the browser tells them without asking anybody.

import type { surroundings, Values } from './surroundings.ts'

type Here = ReturnType<typeof surroundings>

export function visitorOf({ navigator }: Here): Values {
  const { userAgent = '', userAgentData, connection } = navigator ?? {}
  const isMobile = userAgentData?.mobile ?? /Mobi/.test(userAgent)
  return told({
    'user_agent.original': userAgent,
    'browser.language': navigator?.language,
    'browser.platform': userAgentData?.platform,
    'browser.mobile': isMobile,
    'device.type': isMobile ? 'mobile' : 'desktop',
    'device.cores': navigator?.hardwareConcurrency,
    'device.memory_gb': navigator?.deviceMemory,
    'network.connection.type': connection?.type,
    'network.effective_type': connection?.effectiveType,
    'network.save_data': connection?.saveData,
  })
}

/** As the browser guesses them at that time. */
export function networkCounters({ navigator }: Here): Values {
  const { rtt, downlink } = navigator?.connection ?? {}
  return told({
    'crosscut.counter.rtt': rtt,
    'crosscut.unit.rtt': rtt === undefined ? undefined : 'ms',
    'crosscut.counter.downlink': downlink,
    'crosscut.unit.downlink': downlink === undefined ? undefined : 'Mbit/s',
  })
}

function told(values: { readonly [key: string]: string | number | boolean | undefined }): Values {
  const known: { [key: string]: string | number | boolean } = {}
  for (const [key, value] of Object.entries(values))
    if (value !== undefined && value !== '') known[key] = value
  return known
}
