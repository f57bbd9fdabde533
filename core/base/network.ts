/**
 * What stands for whoever is behind an `address:port`: the address, or of IPv6 the 64 bits that one customer is given.
 */
export function networkOf(remoteAddress: string): string {
  const v6 = /^\[([^\]]*)\]/.exec(remoteAddress)?.[1]
  if (v6 === undefined) return remoteAddress.replace(/:\d+$/, '')
  const v4 = /^::ffff:([\d.]+)$/i.exec(v6)?.[1]
  if (v4 !== undefined) return v4
  const [front = '', back] = v6.split('::')
  const head = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  const zeros = back === undefined ? 0 : Math.max(8 - head.length - tail.length, 0)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':')
}
