import { readFileSync } from 'node:fs'
import { test } from 'tap'
import type { PeerEvidence } from '../../../../core/api/certificate.js'
import { ERRORS, isAnswered } from '../../../../core/base/error-table.js'
import { type ErrorCode, ProxyError } from '../../../../core/base/errors.js'
import { certificatesInPem } from '../../../../core/base/pem.js'
import { readX509 } from '../../../../core/base/x509.js'
import { COMMANDS } from '../../../../core/cli/command-table.js'
import { RECORDS } from '../../../../core/config/records-table.js'
import { adviceFor } from '../../../../core/http/pages/advice.js'
import { asJson, asText } from '../../../../core/http/pages/error-page.js'
import { toldOf } from '../../../../core/http/pages/told.js'
import { rejection, VerifyRejected } from '../../../../core/tls/judge/verdict.js'
import { makeAuthority } from '../../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: 'www.a.test', sans: ['www.a.test', '*.b.test'] })

/** The evidence of a chain with this leaf alone. */
function evidence(): PeerEvidence {
  const [der = Buffer.alloc(0)] = certificatesInPem(leaf.certPem)
  return { chain: [{ der, x509: readX509(der) }] } as unknown as PeerEvidence
}

type Args = Parameters<typeof rejection>
const rejected = (by: Args[0], reason: Args[1], plugin?: string): VerifyRejected =>
  new VerifyRejected(rejection(by, reason, 'a.test', '', plugin), evidence())

test('each reason of the built-in check has one remedy for the client and one for the operator', async t => {
  const cases: readonly [reason: Args[1], client: RegExp, operator: RegExp][] = [
    ['untrusted-issuer', /does not send every intermediate/, /portcullis try a\.test .*verify_server_ca/],
    ['X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN', /not trusted here/, /name its root: verify_server_ca/],
    ['X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT', /made its certificate itself/, /try --pem FILE a\.test/],
    ['name-mismatch', /has: www\.a\.test, \*\.b\.test\.$/, /verify_server_name in a rule .* for a\.test/],
    ['expired', /ended on \w{3} .* GMT/, /clock of this machine/],
    ['not-yet-valid', /not valid yet/, /clock of this machine/],
    ['revoked', /do not use the site/, /verify_server_crl/],
    ['unsupported', /Ask the operator/, /portcullis try a\.test shows/],
  ]
  for (const [reason, client, operator] of cases) {
    const advice = adviceFor(rejected('built-in', reason), undefined)
    t.match(advice.client, client, reason)
    t.match(advice.operator, operator, reason)
  }
})

test('the advice names the plugin that rejected, failed, or was late', async t => {
  for (const by of ['plugin', 'plugin-failed', 'deadline'] as const)
    t.match(adviceFor(rejected(by, 'policy', 'pins'), undefined).operator, /Plugin pins /, by)
})

test('errors of the network name the command that shows them', async t => {
  const advice = (code: 'PTC_DNS_FAILED' | 'PTC_CONNECT_REFUSED' | 'PTC_HANDSHAKE_FAILED') =>
    adviceFor(new ProxyError(code, 'x'), 'a.test:444')
  t.match(advice('PTC_DNS_FAILED').operator, /dig a\.test\./)
  t.match(advice('PTC_CONNECT_REFUSED').operator, /portcullis try a\.test:444 /)
  t.match(advice('PTC_HANDSHAKE_FAILED').client, /scheme and the port/)
})

test('every code that a client is answered with has one remedy for each side', async t => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const { client, operator } = adviceFor(new ProxyError(code, 'x'), 'a.test:444')
    t.equal(client !== operator, isAnswered(code), code)
    for (const text of [client, operator]) t.match(text, /[.?]$/, text)
    t.strictSame(unknownWords(`${client} ${operator}`), [], code)
  }
})

/** Records, rules and commands in a text that are none. */
function unknownWords(text: string): readonly string[] {
  const records = text.match(/proxy\.config\.[\w.]*\w/g) ?? []
  const rules = text.match(/(?<![.\w])(?:client|verify|connect)_\w+/g) ?? []
  const commands = [...text.matchAll(/portcullis (\w+)/g)].map(([, word = '']) => word)
  const words = new Set(Object.keys(COMMANDS).map(name => name.split(' ')[0]))
  return [
    ...records.filter(name => !Object.hasOwn(RECORDS, name)),
    ...rules.filter(name => !readFileSync('docs/reference/rules.md', 'utf8').includes(`\`${name}\``)),
    ...commands.filter(word => !words.has(word)),
  ]
}

test('pages and JSON have both remedies', async t => {
  const error = rejected('built-in', 'name-mismatch')
  const told = toldOf(error, { host: 'a.test' }, 'full')
  const { client, operator } = adviceFor(error, 'a.test')
  t.match(asText(told, 'Rejected'), `What to do: ${client}\nFor the operator: ${operator}\n`)
  t.same(JSON.parse(asJson(told)).error.advice, { client, operator })
})

test('a name that could be no host name is not shown', async t => {
  const odd = await root.issue({ cn: 'odd', sans: ['good.test'] })
  const [der = Buffer.alloc(0)] = certificatesInPem(odd.certPem)
  const bad = Buffer.from(der.toString('latin1').replace('good.test', '<b>;rm -r'), 'latin1')
  const shown = { chain: [{ der: bad, x509: readX509(der) }] } as unknown as PeerEvidence
  const error = new VerifyRejected(rejection('built-in', 'name-mismatch', 'a.test'), shown)
  t.equal(adviceFor(error, undefined).client, 'Use a name that the certificate has.')
})
