// Whom we believe and whom we tell: address and host rules as data.
//
//   CROSSCUT_TRUST   peers whose baggage is taken in     default: loopback,private
//   CROSSCUT_EGRESS  hosts that get our baggage, added to loopback, private ranges and single-label names
//
// An entry is a CIDR range or an address, the words `loopback`, `private`, `all`, `none`, or (egress only) a
// host suffix: `.shop.internal` matches names below it, `api.shop.example` the name itself and names below
// it. A name with no dot can only be answered by a local resolver (Docker's and Kubernetes' service names),
// so it counts as private.
import { BlockList, isIP } from 'node:net'
import { HOSTS_REMEMBERED_MAX, RULES_MAX } from './limits.ts'

export interface AddressRules {
  /** The peer's address as a socket has it; undefined (a unix socket) is local. */
  allowsPeer(address: string | undefined): boolean
  /** A host as a client names it: an address, `[::1]`, or a name. */
  allowsHost(host: string): boolean
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'] as const
/** RFC 1918 and RFC 4193. Link-local is left out: 169.254.169.254 is every cloud's metadata service. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'] as const

/**
 * Rules from a comma-separated list. Entries that make no sense are left out and returned by name in
 * `rejected`.
 */
export function addressRules(list: string): AddressRules & { readonly rejected: readonly string[] } {
  const ranges = new BlockList()
  const suffixes: string[] = []
  const rejected: string[] = []
  let isAll = false
  let isPrivateNamed = false
  for (const entry of list.split(',', RULES_MAX).map((text) => text.trim().toLowerCase())) {
    if (entry === '' || entry === 'none') continue
    else if (entry === 'all' || entry === '*') isAll = true
    else if (entry === 'loopback') LOOPBACK.forEach((range) => addRange(ranges, range))
    else if (entry === 'private') {
      isPrivateNamed = true
      PRIVATE.forEach((range) => addRange(ranges, range))
    } else if (!addRange(ranges, entry) && !addSuffix(suffixes, entry)) rejected.push(entry)
  }
  const hosts = new Map<string, boolean>()
  const decideHost = (host: string): boolean => {
    const name = host.toLowerCase()
    const bare = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
    if (isIP(bare) !== 0) return isListed(ranges, bare)
    const plain = bare.endsWith('.') ? bare.slice(0, -1) : bare
    if (plain === 'localhost' || plain.endsWith('.localhost')) return isListed(ranges, '127.0.0.1')
    return (
      (isPrivateNamed && plain !== '' && !plain.includes('.')) ||
      suffixes.some((suffix) => isBelow(plain, suffix))
    )
  }
  return {
    rejected,
    allowsPeer: (address) => isAll || address === undefined || address === '' || isListed(ranges, address),
    allowsHost(host) {
      if (isAll) return true
      let isAllowed = hosts.get(host)
      if (isAllowed === undefined) {
        if (hosts.size >= HOSTS_REMEMBERED_MAX) hosts.clear()
        isAllowed = decideHost(host)
        hosts.set(host, isAllowed)
      }
      return isAllowed
    },
  }
}

function isListed(ranges: BlockList, address: string): boolean {
  // A dual-stack listener sees IPv4 peers as ::ffff:10.0.0.1; the rule is about the IPv4 address.
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address
  const zone = mapped.indexOf('%')
  const plain = zone < 0 ? mapped : mapped.slice(0, zone)
  const family = isIP(plain)
  return family !== 0 && ranges.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

function addRange(ranges: BlockList, entry: string): boolean {
  const slash = entry.indexOf('/')
  const address = slash < 0 ? entry : entry.slice(0, slash)
  const family = isIP(address)
  const bitsMax = family === 6 ? 128 : 32
  const bits = slash < 0 ? bitsMax : Number(entry.slice(slash + 1))
  if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > bitsMax || entry.endsWith('/'))
    return false
  ranges.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
  return true
}

function addSuffix(suffixes: string[], entry: string): boolean {
  if (entry.includes('/') || entry.includes(':') || entry.includes(' ') || entry.length > 253) return false
  suffixes.push(entry)
  return true
}

function isBelow(name: string, suffix: string): boolean {
  if (suffix.startsWith('.')) return name.endsWith(suffix)
  return (
    name === suffix ||
    (name.length > suffix.length &&
      name.endsWith(suffix) &&
      name.charAt(name.length - suffix.length - 1) === '.')
  )
}
