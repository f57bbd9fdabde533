/**
 * What each of the three parties saw of one request, and when. Each fact comes from its own party: the client's times are the
 * client's, the parked time is the proxy's, and what reached the origin is what passed on the wire in front of it.
 * Times are milliseconds since the requests were sent; a field is absent until its moment has come.
 */
export interface Story {
  readonly host: string
  readonly client: { readonly answeredAt?: number; readonly status?: number }
  readonly proxy: {
    readonly parkedAt?: number
    readonly decidedAt?: number
    readonly plugin?: string
    readonly verdict?: 'accept' | 'reject'
  }
  readonly origin: {
    /** The ClientHello. */
    readonly helloAt?: number
    /** The first bytes after it. */
    readonly nextAt?: number
    /** The TLS alert by its name, as the origin understood it. */
    readonly alert?: string
    readonly hasFinished: boolean
    readonly requests: number
  }
}

/** How a host of the demo ought to fare with the sample plugin as it is. */
export interface Expected {
  readonly host: string
  readonly status: 200 | 502
  /** How long the plugin keeps the handshake waiting, milliseconds. */
  readonly delay: number
}

/** The proof of concept's three hosts. */
export const EXPECTED: readonly Expected[] = [
  { host: 'www.google.com', status: 502, delay: 0 },
  { host: 'www.facebook.com', status: 200, delay: 0 },
  { host: 'www.twitter.com', status: 200, delay: 3000 },
]

/** `21 ms` below a second, `3.02 s` above. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(2)} s`
}

/** What is wrong with how it went; empty when all is as it ought to be. */
export function mistakes(story: Story, { status, delay }: Expected): string[] {
  const { client, proxy, origin, host } = story
  const isAccepted = status === 200
  const wrong: string[] = []
  if (client.status !== status) wrong.push(`the client got ${client.status}, not ${status}`)
  if ((client.answeredAt ?? 0) < delay) wrong.push(`the client was answered before ${delay} ms had passed`)
  const verdict = isAccepted ? 'accept' : 'reject'
  if (proxy.verdict !== verdict) wrong.push(`the log has verdict ${proxy.verdict}, not ${verdict}`)
  if (origin.hasFinished !== isAccepted) {
    wrong.push(`the origin has ${isAccepted ? 'not ' : ''}seen the end of a handshake`)
  }
  if (origin.requests !== (isAccepted ? 1 : 0)) wrong.push(`the origin got ${origin.requests} requests`)
  if (!isAccepted && origin.alert !== 'bad_certificate') wrong.push(`the origin got alert ${origin.alert}`)
  const held = (origin.nextAt ?? 0) - (origin.helloAt ?? 0)
  if (held < delay) wrong.push(`the origin heard more after ${Math.round(held)} ms`)
  return wrong.map(what => `${host}: ${what}`)
}

/** One line for people. */
export function summary(story: Story): string {
  const { client, proxy, origin, host } = story
  const parked = duration((proxy.decidedAt ?? 0) - (proxy.parkedAt ?? 0))
  const answer = `${host.padEnd(16)}  ${client.status} after ${duration(client.answeredAt ?? 0).padEnd(6)}`
  if (proxy.verdict === 'reject') return `${answer}  rejected, alert ${origin.alert}`
  return `${answer}  accepted, parked ${parked}`
}
