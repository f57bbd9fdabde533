/** A thing to choose, and what it is for. */
export interface Choice<T> {
  readonly value: T
  /** DNS names in lower case; `*.` may stand for one label. */
  readonly names: readonly string[]
  /** A local address; undefined for every one. */
  readonly destIp: string | undefined
}

/**
 * Chooses what a client is shown: by the name it asks for (exact before wildcard), else by the address it has come to,
 * else the first that is for every address, else the first of all. Among equals the first wins.
 */
export class CertificateChoice<T> {
  readonly #byName = new Map<string, T>()
  readonly #byAddress = new Map<string, T>()
  readonly #fallback: T

  constructor(choices: readonly [Choice<T>, ...Choice<T>[]]) {
    for (const { value, names, destIp } of choices) {
      for (const name of names) if (!this.#byName.has(name)) this.#byName.set(name, value)
      if (destIp !== undefined && !this.#byAddress.has(destIp)) this.#byAddress.set(destIp, value)
    }
    this.#fallback = (choices.find(({ destIp }) => destIp === undefined) ?? choices[0]).value
  }

  /** @param sni undefined when the client sends no name */
  choose(sni: string | undefined, localAddress: string): T {
    const byName = sni === undefined ? undefined : this.named(sni)
    return byName ?? this.#byAddress.get(localAddress.replace(/^::ffff:(?=[\d.]+$)/i, '')) ?? this.#fallback
  }

  /** What is for a name, exact before wildcard. */
  named(host: string): T | undefined {
    const name = host.toLowerCase().replace(/\.$/, '')
    const dot = name.indexOf('.')
    return this.#byName.get(name) ?? (dot === -1 ? undefined : this.#byName.get(`*${name.slice(dot)}`))
  }
}
