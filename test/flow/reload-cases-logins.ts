/** What shows that a reload takes over the records about logins of clients. */

import * as bcrypt from '@node-rs/bcrypt'
import { get, getOn, tlsClient } from '../kit/client.js'
import { clientCertificate } from '../kit/pki-openssl.js'
import type { ProxyConf } from '../kit/proxy.js'
import { plain, type ReloadCases, root, type Stage } from '../kit/reloading.js'
import { makeIssuer, now } from '../kit/tokens.js'

const issuer = makeIssuer('ES256')

/** The answer to a token of ann's with these claims. */
const tokenStatus =
  (claims: Parameters<typeof issuer.sign>[0] = {}) =>
  async ({ proxy, http }: Stage): Promise<unknown> =>
    (await get(proxy.port, `${http}/`, [`Proxy-Authorization: Bearer ${await issuer.sign(claims)}`])).status
const TOKENS = {
  files: { 'keys.pem': issuer.publicPem, 'other.pem': makeIssuer('ES256').publicPem },
  records: {
    'proxy.config.http.proxy_auth.jwt.keys': 'keys.pem',
    'proxy.config.http.proxy_auth.jwt.audience': 'proxy.test',
  },
} as const
/** Serves the user ann, or the group staff. */
const only = (who: string) => ({
  ...TOKENS,
  files: {
    ...TOKENS.files,
    'ip_allow.yaml': `ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, ${who}}\n`,
  },
})

const ann = clientCertificate(root, ['CN=ann', 'OU=staff'], ['email:bob@a.test'])
const own = await root.issue({ cn: 'one.example' })
/** An ssl port that asks for certificates, and serves this user or group. */
const onSsl = (who: string, records: ProxyConf['records'] = {}): ProxyConf => ({
  records: {
    'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
    'proxy.config.ssl.client.certification_level': 1,
    'proxy.config.ssl.CA.cert.filename': 'root.pem',
    'proxy.config.http.proxy_auth.client_cert': 'cn',
    ...records,
  },
  files: {
    'ssl_multicert.config': 'ssl_cert_name=one.pem\n',
    'one.pem': own.chainPem + own.keyPem,
    'root.pem': root.certPem,
    groups: 'none: x\n',
    'ip_allow.yaml': `ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, ${who}}\n`,
  },
})
const shown = async ({ proxy, http, later }: Stage): Promise<unknown> => {
  const options = { ca: root.certPem, servername: 'one.example', cert: ann.chainPem, key: ann.keyPem }
  const client = await tlsClient(proxy.port, options)
  later(client.stop)
  return (await getOn(client, `${http}/`)).status
}

export const LOGIN_CASES: ReloadCases<
  | 'proxy.config.http.proxy_auth.htpasswd'
  | 'proxy.config.http.proxy_auth.groups'
  | 'proxy.config.http.proxy_auth.client_cert'
  | 'proxy.config.http.proxy_auth.client_cert_groups'
  | 'proxy.config.http.proxy_auth.jwt.keys'
  | 'proxy.config.http.proxy_auth.jwt.algorithms'
  | 'proxy.config.http.proxy_auth.jwt.issuer'
  | 'proxy.config.http.proxy_auth.jwt.audience'
  | 'proxy.config.http.proxy_auth.jwt.clock_skew'
  | 'proxy.config.http.proxy_auth.jwt.user_claim'
  | 'proxy.config.http.proxy_auth.jwt.groups_claim'
> = {
  'proxy.config.http.proxy_auth.htpasswd': {
    from: null,
    to: 'htpasswd',
    conf: { files: { htpasswd: `ann:${bcrypt.hashSync('secret', 4)}\n` } },
    probe: plain,
    expect: [200, 407],
  },
  'proxy.config.http.proxy_auth.groups': {
    from: 'guests',
    to: 'staff',
    conf: {
      files: {
        htpasswd: `ann:${bcrypt.hashSync('secret', 4)}\n`,
        guests: 'guests: ann\n',
        staff: 'staff: ann\n',
        'ip_allow.yaml': 'ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, groups: guests}\n',
      },
      records: { 'proxy.config.http.proxy_auth.htpasswd': 'htpasswd' },
    },
    probe: async ({ proxy, http }) =>
      (await get(proxy.port, `${http}/`, [`Proxy-Authorization: Basic ${btoa('ann:secret')}`])).status,
    expect: [200, 403],
  },
  'proxy.config.http.proxy_auth.client_cert': {
    ...{ from: 'cn', to: 'email', conf: onSsl('users: ann'), probe: shown },
    expect: [200, 403],
  },
  'proxy.config.http.proxy_auth.client_cert_groups': {
    ...{ from: 'ou', to: null, probe: shown },
    conf: onSsl('groups: staff', { 'proxy.config.http.proxy_auth.groups': 'groups' }),
    expect: [200, 403],
  },
  'proxy.config.http.proxy_auth.jwt.keys': {
    ...{ from: 'keys.pem', to: 'other.pem', conf: TOKENS, probe: tokenStatus() },
    expect: [200, 407],
  },
  'proxy.config.http.proxy_auth.jwt.algorithms': {
    ...{ from: 'ES256 RS256', to: 'RS256', conf: TOKENS, probe: tokenStatus() },
    expect: [200, 407],
  },
  'proxy.config.http.proxy_auth.jwt.issuer': {
    ...{ from: 'https://id.test', to: 'https://other.test', conf: TOKENS, probe: tokenStatus() },
    expect: [200, 407],
  },
  'proxy.config.http.proxy_auth.jwt.audience': {
    ...{ from: 'other proxy.test', to: null, conf: TOKENS, probe: tokenStatus() },
    expect: [200, 407],
  },
  'proxy.config.http.proxy_auth.jwt.clock_skew': {
    ...{ from: 300, to: 0, conf: TOKENS, probe: tokenStatus({ exp: now() - 10 }) },
    expect: [200, 407],
  },
  'proxy.config.http.proxy_auth.jwt.user_claim': {
    ...{ from: 'name', to: 'sub', conf: only('users: Ann'), probe: tokenStatus({ name: 'Ann' }) },
    expect: [200, 403],
  },
  'proxy.config.http.proxy_auth.jwt.groups_claim': {
    ...{ from: 'roles', to: 'groups', conf: only('groups: staff'), probe: tokenStatus({ roles: ['staff'] }) },
    expect: [200, 403],
  },
}
