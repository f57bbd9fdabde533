/** http_port and https_port. */
import { resolve } from 'node:path'
import { readServerPorts } from '../../config/ports.js'
import { checkFile, type Source } from '../source.js'
import type { Directive } from './conf.js'

/** What the ports say about the TLS of clients inside CONNECT. */
export interface BumpFiles {
  readonly where: string
  readonly certificate: string | undefined
  readonly key: string | undefined
}

/** Options without a counterpart that keep nothing out. */
const IGNORED =
  /^(?:name|tcpkeepalive|dynamic_cert_mem_cache_size|generate-host-certificates|connection-auth|disable-pmtu-discovery|tls-dh|dhparams|tls-default-ca|protocol|sslcontext|tls-no-npn|ignore-cc|act-as-origin|no-connection-auth|split-stack|worker-queues|options|sslflags)$/

const TLS_FILES = /^(?:ssl-bump|cert|tls-cert|key|tls-key|cafile|capath|crlfile)$/

export class Ports {
  readonly #source: Source
  readonly #ports: string[] = []
  bump: BumpFiles | undefined

  constructor(source: Source) {
    this.#source = source
  }

  add({ name, args, where }: Directive): void {
    const { findings } = this.#source
    const [place = '', ...words] = args
    const options = new Map(words.map(word => split(word)))
    const said = `${name} ${place}`
    const wrongly = (what: string): void => findings.add('wrong', where, `${said}: ${what}`)
    if (options.has('ssl-bump')) this.#bump(options, where)
    const fate = this.#fate(options, said, where)
    if (fate === 'drop') return
    const match = /^(?:(\[[\d:a-f]+\]|[\d.]+|[\w.-]+):)?(\d+)$/i.exec(place)
    if (match === null) return wrongly('write a port, or address:port')
    const [, address, port = ''] = match
    const isAny = address === undefined || address === '0.0.0.0'
    const tls = name === 'https_port' ? ':ssl' : ''
    const ours = isAny
      ? [`${port}${tls}`, ...(address === undefined ? [`${port}${tls}:ipv6`] : [])]
      : [`${port}${tls}:ip-in=${address}`]
    if (this.#ports.some(known => known.split(':')[0] === port))
      return wrongly(`the port ${port} is there twice`)
    const { wrong } = readServerPorts([...this.#ports, ...ours].join(' '))
    if (wrong.length > 0) return wrongly(wrong.join('; '))
    this.#ports.push(...ours)
    findings.add('kept', where, said)
    if (tls !== '') this.#certificate(options, said, where)
  }

  /** @returns whether the port is left out */
  #fate(options: ReadonlyMap<string, string>, said: string, where: string): 'keep' | 'drop' {
    const add = this.#source.findings.at(where, said)
    let fate: 'keep' | 'drop' = 'keep'
    for (const [option, value] of options) {
      if (/^(?:intercept|transparent|tproxy)$/.test(option)) {
        add('lost', `${option}: redirected connections are not taken; clients must be told of the proxy`)
        fate = 'drop'
      } else if (/^(?:accel|vhost|vport|defaultsite)$/.test(option)) {
        add('undecided', `${option}: this port was a closed reverse proxy, and Portcullis is a forward proxy`)
        fate = 'drop'
      } else if (option === 'require-proxy-header') {
        add('undecided', 'the PROXY header is not read: all clients would have one address')
        fate = 'drop'
      } else if (option === 'cipher' && !isWide(value))
        add('undecided', "cipher: bumped clients get OpenSSL's list at security level 2")
      else if (option === 'cipher')
        add('changed', "cipher: OpenSSL's list at security level 2, which has nothing of what was excluded")
      else if (option === 'clientca')
        add('undecided', 'clientca: write proxy.config.ssl.CA.cert.filename and certification_level')
      else if (!IGNORED.test(option) && !TLS_FILES.test(option))
        add('wrong', `${option} is no option of a port`)
    }
    return fate
  }

  #bump(options: ReadonlyMap<string, string>, where: string): void {
    const certificate = options.get('tls-cert') ?? options.get('cert')
    this.bump ??= { where, certificate, key: options.get('tls-key') ?? options.get('key') ?? certificate }
  }

  #certificate(options: ReadonlyMap<string, string>, said: string, where: string): void {
    const { facts, findings, dir } = this.#source
    const certificate = options.get('tls-cert') ?? options.get('cert')
    if (certificate === undefined) return void findings.add('wrong', where, `${said} has no cert=`)
    const key = options.get('tls-key') ?? options.get('key')
    facts.certificates.push({
      destIp: '*',
      certificates: resolve(dir, certificate),
      keys: key === undefined ? undefined : resolve(dir, key),
      issuers: undefined,
    })
    for (const path of [certificate, key ?? certificate])
      checkFile(this.#source, where, `${said}: the file`, path)
  }

  finish(): void {
    const { facts, findings } = this.#source
    if (this.#ports.length > 0) facts.set('proxy.config.http.server_ports', this.#ports.join(' '))
    else findings.add('wrong', 'squid.conf', 'no port is left; the default listens on 127.0.0.1:8080')
  }
}

const split = (word: string): readonly [string, string] => {
  const at = word.indexOf('=')
  return at === -1 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)]
}

/** A list that only leaves out what security level 2 leaves out as well. */
const isWide = (ciphers: string): boolean =>
  ciphers
    .split(':')
    .every(part =>
      /^(?:HIGH|MEDIUM|ALL|DEFAULT|!(?:LOW|RC4|SEED|IDEA|3DES|MD5|EXP|EXPORT|PSK|DSS|SRP|aNULL|eNULL|DES))$/.test(
        part,
      ),
    )
