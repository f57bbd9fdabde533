import { ipv6Words } from './address-bytes.js'
import { hostOf } from './authority.js'

/**
 * What stands for a client wherever clients share something: its address, or of IPv6 the 64 bits that one customer is
 * given. An IPv4 address is taken whole: its neighbours are other customers.
 * @param address as a socket has it, without brackets and port
 */
export function networkOfAddress(address: string): string {
  if (!address.includes(':')) return address
  const v4 = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (v4 !== undefined) return v4
  return ipv6Words(address).slice(0, 4).join(':')
}

/** The same of an `address:port`. */
export const networkOf = (remoteAddress: string): string => networkOfAddress(hostOf(remoteAddress))

/** Counts what each client network has of something shared, and knows which one has most. Every call is O(1). */
export class NetworkCounts {
  readonly #counts = new Map<string, number>()
  /** Networks by how much they have. */
  readonly #byCount = new Map<number, Set<string>>()
  #most = 0
  #total = 0

  /** Of all networks together. */
  get total(): number {
    return this.#total
  }

  of(network: string): number {
    return this.#counts.get(network) ?? 0
  }

  /** One of those that have most; undefined when there is nothing to have. */
  get heaviest(): string | undefined {
    const [first] = this.#byCount.get(this.#most) ?? []
    return first
  }

  add(network: string): void {
    const count = this.of(network)
    this.#total += 1
    this.#move(network, count, count + 1)
    if (count === this.#most) this.#most += 1
  }

  remove(network: string): void {
    const count = this.of(network)
    if (count === 0) return
    this.#total -= 1
    this.#move(network, count, count - 1)
    // The one that had most has one less now, if it was the only one.
    if (count === this.#most && !this.#byCount.has(count)) this.#most -= 1
  }

  #move(network: string, from: number, to: number): void {
    const left = this.#byCount.get(from)
    if (left?.delete(network) && left.size === 0) this.#byCount.delete(from)
    if (to === 0) return void this.#counts.delete(network)
    this.#counts.set(network, to)
    const joined = this.#byCount.get(to)
    if (joined === undefined) this.#byCount.set(to, new Set([network]))
    else joined.add(network)
  }
}
