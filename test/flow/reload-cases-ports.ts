// Longer than 250 lines because there is one case for each record.
/** What shows that a reload takes over the records about ports: TLS with clients, and relays. */
import { createAuthority } from '../../core/tls/inbound/authority.js'
import { getOn, tlsClient } from '../kit/client.js'
import { revocationList } from '../kit/pki-openssl.js'
import type { ProxyConf } from '../kit/proxy.js'
import { HOST, outcomeOf, type ReloadCases, root, type Stage, stranger } from '../kit/reloading.js'

const one = await root.issue({ cn: 'one.example' })
const two = await root.issue({ cn: 'two.example' })
const own = await root.issue({ cn: 'client', eku: ['clientAuth'] })
const [bumpOne, bumpTwo] = [await createAuthority('Bump one'), await createAuthority('Bump two')]

const pem = (issued: { chainPem: string; keyPem: string }): string => issued.chainPem + issued.keyPem

const onSsl = (records: ProxyConf['records'] = {}, files: ProxyConf['files'] = {}): ProxyConf => ({
  records: { 'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1', ...records },
  files: {
    'ssl_multicert.config': 'ssl_cert_name=one.pem\n',
    'one.pem': pem(one),
    'root.pem': root.certPem,
    'stranger.pem': stranger.certPem,
    'roots/root.pem': root.certPem,
    'strangers/stranger.pem': stranger.certPem,
    ...files,
  },
})

/** The name on the certificate that a client is shown, or why its request gets no answer. */
const shown =
  (options: object = {}) =>
  async (stage: Stage): Promise<string> => {
    try {
      const client = await tlsClient(stage.proxy.port, {
        ca: root.certPem,
        servername: 'one.example',
        checkServerIdentity: () => undefined,
        ...options,
      })
      stage.later(client.stop)
      await getOn(client, `${stage.http}/`)
      return client.socket.getPeerX509Certificate()?.subject ?? ''
    } catch {
      return 'fails'
    }
  }

const withOwn = shown({ cert: own.chainPem, key: own.keyPem })
const CA = 'proxy.config.ssl.CA.cert'
const DEMANDS = { 'proxy.config.ssl.client.certification_level': 2 } as const

/** The issuer of the certificate inside a CONNECT, or why the request gets no answer. */
const bumped = async (stage: Stage): Promise<string> => {
  const client = await stage.client()
  client.send(`CONNECT ${HOST}:${stage.secure.port} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await client.response('CONNECT')
  try {
    const inside = await client.secure({ rejectUnauthorized: false, servername: HOST })
    const { status } = await getOn(inside, `${stage.https}/`)
    return `${status} ${inside.socket.getPeerX509Certificate()?.issuer.match(/Bump \w+/)?.[0]}`
  } catch {
    return 'fails'
  }
}

const bumping = (records: ProxyConf['records'] = {}): ProxyConf => ({
  records: { 'proxy.config.http.connect.verify': 'bump', ...records },
  files: {
    'one.pem': bumpOne.certPem,
    'one.key': bumpOne.keyPem,
    'two.pem': bumpTwo.certPem,
    'two.key': bumpTwo.keyPem,
    'root.pem': root.certPem,
  },
})

/** Whether the relay at 127.0.0.1 may announce a client. */
const announced = async (stage: Stage): Promise<string> => {
  const client = await stage.client()
  client.send(`PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET ${stage.http}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  return client.response().then(
    ({ status }) => String(status),
    () => 'closed',
  )
}

export const PORT_CASES: ReloadCases<
  | 'proxy.config.http.proxy_protocol_allowlist'
  | 'proxy.config.ssl.handshake_timeout_in'
  | 'proxy.config.ssl.server.multicert.filename'
  | 'proxy.config.ssl.server.cert.path'
  | 'proxy.config.ssl.server.private_key.path'
  | 'proxy.config.ssl.server.groups_list'
  | 'proxy.config.ssl.server.cipher_suite'
  | 'proxy.config.ssl.server.TLSv1_3.cipher_suites'
  | 'proxy.config.ssl.TLSv1_2'
  | 'proxy.config.ssl.TLSv1_3'
  | 'proxy.config.ssl.server.version.min'
  | 'proxy.config.ssl.server.version.max'
  | 'proxy.config.ssl.client.certification_level'
  | 'proxy.config.ssl.CA.cert.filename'
  | 'proxy.config.ssl.CA.crl.filename'
  | 'proxy.config.ssl.CA.cert.path'
  | 'proxy.config.ssl.bump.CA.cert.filename'
  | 'proxy.config.ssl.bump.CA.private_key.filename'
  | 'proxy.config.ssl.bump.client.certification_level'
> = {
  'proxy.config.http.proxy_protocol_allowlist': {
    from: '192.0.2.0/24',
    to: '192.0.2.1 127.0.0.0-127.0.0.9',
    conf: { records: { 'proxy.config.http.server_ports': '0:pp:ip-in=127.0.0.1' } },
    probe: announced,
    expect: ['closed', '200'],
  },
  'proxy.config.ssl.handshake_timeout_in': {
    from: 1,
    to: 60,
    conf: onSsl({ 'proxy.config.http.transaction_no_activity_timeout_in': 60 }),
    probe: async stage => outcomeOf((await stage.client()).ended(30_000).then(() => 'ends')),
    expect: ['ends', 'waits'],
  },
  'proxy.config.ssl.server.multicert.filename': {
    from: 'one.config',
    to: 'two.config',
    conf: onSsl(
      {},
      {
        'one.config': 'ssl_cert_name=one.pem\n',
        'two.config': 'ssl_cert_name=two.pem\n',
        'two.pem': pem(two),
      },
    ),
    probe: shown(),
    expect: ['CN=one.example', 'CN=two.example'],
  },
  'proxy.config.ssl.server.cert.path': {
    from: 'one',
    to: 'two',
    conf: onSsl({}, { 'one/one.pem': pem(one), 'two/one.pem': pem(two) }),
    probe: shown(),
    expect: ['CN=one.example', 'CN=two.example'],
  },
  'proxy.config.ssl.server.private_key.path': {
    from: 'one',
    to: 'two',
    conf: onSsl(
      {},
      {
        'ssl_multicert.config': 'ssl_cert_name=chain.pem ssl_key_name=the.key\n',
        'chain.pem': one.chainPem,
        'one/the.key': one.keyPem,
        'two/the.key': two.keyPem,
      },
    ),
    probe: shown(),
    expect: ['CN=one.example', 'refused: PTC_TLS_CONTEXT'],
  },
  'proxy.config.ssl.server.groups_list': {
    from: 'P-256:P-384',
    to: 'P-256',
    conf: onSsl(),
    probe: shown({ ecdhCurve: 'P-384' }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.server.cipher_suite': {
    from: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
    to: 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384',
    conf: onSsl(),
    probe: shown({
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
    }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.server.TLSv1_3.cipher_suites': {
    from: 'TLS_AES_128_GCM_SHA256',
    to: 'TLS_AES_256_GCM_SHA384',
    conf: onSsl(),
    probe: shown({ minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.TLSv1_2': {
    from: 1,
    to: 0,
    conf: onSsl(),
    probe: shown({ maxVersion: 'TLSv1.2' }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.TLSv1_3': {
    from: 1,
    to: 0,
    conf: onSsl(),
    probe: shown({ minVersion: 'TLSv1.3' }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.server.version.min': {
    from: 2,
    to: 3,
    conf: onSsl(),
    probe: shown({ maxVersion: 'TLSv1.2' }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.server.version.max': {
    from: 3,
    to: 2,
    conf: onSsl(),
    probe: shown({ minVersion: 'TLSv1.3' }),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.client.certification_level': {
    from: 0,
    to: 2,
    conf: onSsl({ [`${CA}.filename`]: 'root.pem' }),
    probe: shown(),
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.CA.cert.filename': {
    from: 'root.pem',
    to: 'stranger.pem',
    conf: onSsl(DEMANDS),
    probe: withOwn,
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.CA.crl.filename': {
    from: null,
    to: 'clients.crl',
    conf: onSsl(
      { ...DEMANDS, [`${CA}.filename`]: 'root.pem' },
      { 'clients.crl': revocationList(root, [own]) },
    ),
    probe: withOwn,
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.CA.cert.path': {
    from: 'roots',
    to: 'strangers',
    conf: onSsl(DEMANDS),
    probe: withOwn,
    expect: ['CN=one.example', 'fails'],
  },
  'proxy.config.ssl.bump.CA.cert.filename': {
    from: 'one.pem',
    to: 'two.pem',
    conf: bumping({ 'proxy.config.ssl.bump.CA.private_key.filename': 'one.key' }),
    probe: bumped,
    expect: ['200 Bump one', 'refused: PTC_TLS_CONTEXT'],
  },
  'proxy.config.ssl.bump.CA.private_key.filename': {
    from: 'one.key',
    to: 'two.key',
    conf: bumping({ 'proxy.config.ssl.bump.CA.cert.filename': 'one.pem' }),
    probe: bumped,
    expect: ['200 Bump one', 'refused: PTC_TLS_CONTEXT'],
  },
  'proxy.config.ssl.bump.client.certification_level': {
    from: 0,
    to: 2,
    conf: bumping({
      'proxy.config.ssl.bump.CA.cert.filename': 'one.pem',
      'proxy.config.ssl.bump.CA.private_key.filename': 'one.key',
      [`${CA}.filename`]: 'root.pem',
    }),
    probe: bumped,
    expect: ['200 Bump one', 'fails'],
  },
}
