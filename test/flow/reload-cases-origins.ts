/**
 * What shows that a reload takes over the records about TLS with origins. Longer than 250 lines because each of them has a
 * case of its own, in one table that the compiler compares with the records.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { accept } from '../../core/api/verdict.js'
import { get } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import type { NodeOrigin } from '../kit/node-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { rawOrigin, scripts } from '../kit/raw-origin.js'
import {
  HOST,
  lateStatusOf,
  OTHER,
  overTls,
  type ReloadCases,
  root,
  type Stage,
  stranger,
} from '../kit/reloading.js'

const NO_IDLE = { 'proxy.config.http.origin_max_idle': 0 } as const
const SSL = 'proxy.config.ssl.client'
const CACHE = 'proxy.config.ssl.origin_session_cache'

const untrusted = await stranger.issue({ cn: HOST, sans: [HOST] })
const misnamed = await root.issue({ cn: 'elsewhere.test' })
const loose = await root.issue({ cn: HOST, sans: [HOST], withoutIds: true })
const one = await root.issue({ cn: 'one', eku: ['clientAuth'] })
const two = await root.issue({ cn: 'two', eku: ['clientAuth'] })
const pem = (issued: { chainPem: string; keyPem: string }): string => issued.chainPem + issued.keyPem
const ASKS = { requestCert: true, rejectUnauthorized: false } as const

/** With a plugin whose answers are those of the case. */
const gated = (answer: (event: VerifyServerEvent) => void, records: ProxyConf['records'] = {}) => ({
  make: async (later: Stage['later']): Promise<Gate> => {
    const gate = new Gate(answer)
    later(() => gate.stop())
    return gate
  },
  conf: ({ line }: Gate): ProxyConf => ({
    plugins: [line],
    modules: GATE_MODULE,
    records: { ...NO_IDLE, ...records },
  }),
})
const accepting = ({ reenable }: VerifyServerEvent): unknown => reenable()

/** Asks for the hosts in turn. @returns how often the plugin was asked */
const questions =
  (...hosts: readonly string[]) =>
  async (stage: Stage): Promise<number> => {
    const { asked } = stage.made as Gate
    const before = asked.length
    for (const host of hosts) await get(stage.proxy.port, `https://${host}:${stage.secure.port}/`)
    return asked.length - before
  }

/** Whether the connection of a held handshake ends within two seconds. */
const heldUntilReleased = async ({ made, proxy, https, secure }: Stage): Promise<'yes' | 'no'> => {
  const gate = made as Gate
  const response = get(proxy.port, `${https}/`)
  const event = await gate.parked(gate.asked.length)
  const ends = Date.now() + 2000
  while (secure.openConnections > 0 && Date.now() < ends) await sleep(25)
  const isReleased = secure.openConnections === 0
  event.reenable()
  await response
  return isReleased ? 'yes' : 'no'
}

/** Whether the last handshake was resumed, when the hosts are asked for in turn. */
const resumed =
  (...hosts: readonly string[]) =>
  async (stage: Stage): Promise<unknown> => {
    for (const host of hosts) await get(stage.proxy.port, `https://${host}:${stage.secure.port}/`)
    return stage.secure.handshakes.at(-1)?.isResumed
  }

const last =
  (field: 'clientCn' | 'protocol' | 'alpn') =>
  async (stage: Stage): Promise<unknown> => {
    await overTls(stage)
    return stage.secure.handshakes.at(-1)?.[field]
  }

export const ORIGIN_CASES: ReloadCases<
  | 'proxy.config.ssl.client.verify.server'
  | 'proxy.config.ssl.client.verify.server.policy'
  | 'proxy.config.ssl.client.verify.server.properties'
  | 'proxy.config.ssl.client.verify.server.override'
  | 'proxy.config.ssl.client.verify.server.strict'
  | 'proxy.config.ssl.origin_session_cache'
  | 'proxy.config.ssl.origin_session_cache.size'
  | 'proxy.config.ssl.origin_session_cache.reverify_on_resume'
  | 'proxy.config.ssl.keylog_file'
  | 'proxy.config.ssl.servername.filename'
  | 'proxy.config.ssl.client.verify.async'
  | 'proxy.config.ssl.client.verify.deadline'
  | 'proxy.config.ssl.client.verify.redials'
  | 'proxy.config.ssl.client.verify.release_after'
  | 'proxy.config.ssl.client.verify.cache_size'
  | 'proxy.config.ssl.client.handshake_timeout'
  | 'proxy.config.ssl.client.CA.cert.filename'
  | 'proxy.config.ssl.client.CA.cert.path'
  | 'proxy.config.ssl.client.cert.filename'
  | 'proxy.config.ssl.client.cert.path'
  | 'proxy.config.ssl.client.private_key.filename'
  | 'proxy.config.ssl.client.private_key.path'
  | 'proxy.config.ssl.client.TLSv1_2'
  | 'proxy.config.ssl.client.TLSv1_3'
  | 'proxy.config.ssl.client.cipher_suite'
  | 'proxy.config.ssl.client.TLSv1_3.cipher_suites'
  | 'proxy.config.ssl.client.groups_list'
  | 'proxy.config.ssl.client.alpn_protocols'
> = {
  'proxy.config.ssl.client.verify.server': {
    ...{ from: 1, to: 0, probe: overTls, expect: [502, 200] },
    tls: untrusted,
  },
  'proxy.config.ssl.client.verify.server.policy': {
    ...{ from: 'ENFORCED', to: 'PERMISSIVE', probe: overTls, expect: [502, 200] },
    tls: untrusted,
  },
  'proxy.config.ssl.client.verify.server.properties': {
    ...{ from: 'ALL', to: 'SIGNATURE', probe: overTls, expect: [502, 200] },
    tls: misnamed,
  },
  'proxy.config.ssl.client.verify.server.override': {
    ...{ from: 0, to: 1, probe: overTls, expect: [502, 200] },
    ...gated(accepting),
    tls: untrusted,
  },
  'proxy.config.ssl.client.verify.server.strict': {
    ...{ from: 0, to: 1, probe: overTls, expect: [200, 502] },
    tls: loose,
  },
  'proxy.config.ssl.origin_session_cache': {
    ...{ from: 0, to: 1, probe: resumed(HOST, HOST), expect: [false, true] },
    conf: { records: NO_IDLE },
  },
  'proxy.config.ssl.origin_session_cache.size': {
    ...{ from: 10_240, to: 1, probe: resumed(HOST, OTHER, HOST), expect: [true, false] },
    conf: { records: { ...NO_IDLE, [CACHE]: 1 } },
  },
  'proxy.config.ssl.origin_session_cache.reverify_on_resume': {
    ...{ from: 1, to: 0, probe: questions(HOST, HOST), expect: [2, 1] },
    ...gated(accepting, { [CACHE]: 1 }),
  },
  'proxy.config.ssl.keylog_file': {
    from: null,
    to: 'keys.log',
    conf: { records: NO_IDLE },
    probe: async stage => {
      await overTls(stage)
      return existsSync(join(stage.proxy.conf.path, 'keys.log'))
    },
    expect: [false, true],
  },
  'proxy.config.ssl.servername.filename': {
    ...{ from: 'one.yaml', to: 'two.yaml', probe: overTls, expect: [200, 502] },
    conf: {
      files: {
        'one.yaml': `sni:\n  - fqdn: ${OTHER}\n    verify_server_min_rsa_bits: 2048\n`,
        'two.yaml': `sni:\n  - fqdn: ${HOST}\n    verify_server_cert_sha256: [${'ab'.repeat(32)}]\n`,
      },
    },
  },
  'proxy.config.ssl.client.verify.async': {
    ...{ from: 1, to: 0, probe: overTls, expect: [200, 502] },
    ...gated(({ reenable }) => void setTimeout(reenable, 50)),
  },
  'proxy.config.ssl.client.verify.deadline': {
    ...{ from: 300, to: 60_000, probe: lateStatusOf(({ https }) => `${https}/`), expect: [504, 'waits'] },
    ...gated(() => {}),
  },
  'proxy.config.ssl.client.verify.redials': {
    ...{ from: 0, to: 3, probe: heldUntilReleased, expect: ['no', 'yes'] },
    ...gated(() => {}, { [`${SSL}.verify.release_after`]: 1 }),
  },
  'proxy.config.ssl.client.verify.release_after': {
    ...{ from: 0, to: 1, probe: heldUntilReleased, expect: ['no', 'yes'] },
    ...gated(() => {}),
  },
  'proxy.config.ssl.client.verify.cache_size': {
    ...{ from: 10_000, to: 1, probe: questions(HOST, OTHER, HOST), expect: [2, 3] },
    ...gated(({ reenable }) => reenable(accept({ cacheFor: 60_000 }))),
  },
  'proxy.config.ssl.client.handshake_timeout': {
    from: 1,
    to: 60,
    make: async later => {
      const origin = await rawOrigin(scripts.silence)
      later(origin.stop)
      return origin
    },
    probe: lateStatusOf(({ made }) => `https://${HOST}:${(made as NodeOrigin).port}/`),
    expect: [504, 'waits'],
  },
  'proxy.config.ssl.client.CA.cert.filename': {
    ...{ from: 'one.pem', to: 'two.pem', probe: overTls, expect: [200, 502] },
    conf: { files: { 'one.pem': root.certPem, 'two.pem': stranger.certPem } },
  },
  'proxy.config.ssl.client.CA.cert.path': {
    ...{ from: 'one', to: 'two', probe: overTls, expect: [200, 502] },
    conf: {
      records: { [`${SSL}.CA.cert.filename`]: null },
      files: { 'one/x.pem': root.certPem, 'two/x.pem': stranger.certPem },
    },
  },
  'proxy.config.ssl.client.cert.filename': {
    ...{ from: 'one.pem', to: 'two.pem', probe: last('clientCn'), expect: ['one', 'two'] },
    conf: { files: { 'one.pem': pem(one), 'two.pem': pem(two) } },
    tls: ASKS,
  },
  'proxy.config.ssl.client.cert.path': {
    ...{ from: 'one', to: 'two', probe: last('clientCn'), expect: ['one', 'two'] },
    conf: {
      records: { [`${SSL}.cert.filename`]: 'c.pem' },
      files: { 'one/c.pem': pem(one), 'two/c.pem': pem(two) },
    },
    tls: ASKS,
  },
  'proxy.config.ssl.client.private_key.filename': {
    ...{
      from: 'one.key',
      to: 'two.key',
      probe: last('clientCn'),
      expect: ['one', 'refused: PTC_TLS_CONTEXT'],
    },
    conf: {
      records: { [`${SSL}.cert.filename`]: 'c.pem' },
      files: { 'c.pem': one.chainPem, 'one.key': one.keyPem, 'two.key': two.keyPem },
    },
    tls: ASKS,
  },
  'proxy.config.ssl.client.private_key.path': {
    ...{ from: 'one', to: 'two', probe: last('clientCn'), expect: ['one', 'refused: PTC_TLS_CONTEXT'] },
    conf: {
      records: { [`${SSL}.cert.filename`]: 'c.pem', [`${SSL}.private_key.filename`]: 'the.key' },
      files: { 'c.pem': one.chainPem, 'one/the.key': one.keyPem, 'two/the.key': two.keyPem },
    },
    tls: ASKS,
  },
  'proxy.config.ssl.client.TLSv1_2': {
    ...{ from: 1, to: 0, probe: overTls, expect: [200, 502] },
    tls: { maxVersion: 'TLSv1.2' },
  },
  'proxy.config.ssl.client.TLSv1_3': {
    ...{ from: 1, to: 0, probe: last('protocol'), expect: ['TLSv1.3', 'TLSv1.2'] },
  },
  'proxy.config.ssl.client.cipher_suite': {
    from: 'ECDHE-ECDSA-AES128-GCM-SHA256',
    to: 'ECDHE-ECDSA-AES256-GCM-SHA384',
    probe: overTls,
    expect: [200, 502],
    tls: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
  },
  'proxy.config.ssl.client.TLSv1_3.cipher_suites': {
    from: 'TLS_AES_128_GCM_SHA256',
    to: 'TLS_AES_256_GCM_SHA384',
    probe: overTls,
    expect: [200, 502],
    tls: { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' },
  },
  'proxy.config.ssl.client.groups_list': {
    ...{ from: 'P-256:P-384', to: 'P-256', probe: overTls, expect: [200, 502] },
    tls: { ecdhCurve: 'P-384' },
  },
  'proxy.config.ssl.client.alpn_protocols': {
    ...{ from: null, to: 'http/1.1', probe: last('alpn'), expect: [undefined, 'http/1.1'] },
  },
}
