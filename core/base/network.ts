/**
 * What stands for a client wherever clients share something: its address, or of IPv6 the 64 bits that one customer is
 * given. An IPv4 address is taken whole: its neighbours are other customers.
 * @param address as a socket has it, without brackets and port
 */
export function networkOfAddress(address: string): string {
  if (!address.includes(':')) return address
  const v4 = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (v4 !== undefined) return v4
  const [front = '', back] = address.split('::')
  const head = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  const zeros = back === undefined ? 0 : Math.max(8 - head.length - tail.length, 0)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':')
}

/** The same of an `address:port`. */
export function networkOf(remoteAddress: string): string {
  const v6 = /^\[([^\]]*)\]/.exec(remoteAddress)?.[1]
  return networkOfAddress(v6 ?? remoteAddress.replace(/:\d+$/, ''))
}
