/** Every kind of certificate against every policy: the code, the alert that the origin receives, the page, the log. */
import { type Test, test } from 'tap'
import { X509_ERRORS, type X509ErrorName } from '../../core/api/x509-errors.js'
import { alertOf } from '../../core/tls/alerts.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import type { HttpResponse } from '../kit/http-response.js'
import { type Policed, policed } from '../kit/policed.js'
import { CRL, HOST, IDN, REVOKED, ROWS, type Row, root } from './policy-matrix-rows.js'

const POLICIES = ['ENFORCED', 'PERMISSIVE', 'DISABLED'] as const
/** Which half of the check binds under which properties. */
const LOOKS_AT = { ALL: ['chain', 'name'], SIGNATURE: ['chain'], NAME: ['name'], NONE: [] } as const
type Properties = keyof typeof LOOKS_AT

/** What the check finds wrong as far as it looks. */
interface Wrong {
  readonly code: X509ErrorName
  readonly depth: number
  readonly isName: boolean
}

function wrongOf({ chain, name }: Row, properties: Properties): Wrong | undefined {
  const looks: readonly string[] = LOOKS_AT[properties]
  if (chain !== undefined && looks.includes('chain'))
    return { code: chain[0], depth: chain[1], isName: false }
  return name !== undefined && looks.includes('name') ? { code: name, depth: 0, isName: true } : undefined
}

/** One request that an origin's certificate decides about. */
interface Asked {
  readonly word: string
  readonly host: string
  readonly response: HttpResponse
  /** What it left in the log. */
  readonly log: string
}

/** Traffic Server's words, with our code and depth. */
function logLine(host: string, action: string, { code, depth, isName }: Wrong): RegExp {
  const [name, server] = [`\\(${host}\\)`, `server=${host}\\(127\\.0\\.0\\.1\\)`]
  const n = X509_ERRORS[code]
  return isName
    ? new RegExp(`SNI ${name} not in certificate. Action=${action} ${server} code=${n} depth=${depth}\n`)
    : new RegExp(
        `verification failed for ${name}. Action=${action} Error=.+ ${server} depth=${depth} code=${n}\n`,
      )
}

async function isRefused(
  t: Test,
  it: Policed,
  { word, host, response, log }: Asked,
  wrong: Wrong,
): Promise<void> {
  const { code } = wrong
  const n = X509_ERRORS[code]
  t.match(response, { status: 502, reason: 'Bad Gateway' }, `${word} is refused`)
  const page = response.body.toString()
  const title = `502 Bad Gateway\n\ncertificate of ${host} rejected by the built-in check (${code} ${n})`
  t.ok(page.startsWith(title), `the page says who decided: ${page}`)
  for (const row of [
    `Host: ${host}`,
    'Rejected by: the built-in check',
    `Reason: ${code}`,
    `X509 code: ${code} (${n})`,
    'Code: PTC_VERIFY_REJECTED',
  ])
    t.match(page, `\n${row}\n`, `and has the row ${row}`)
  t.match(
    response.header('proxy-status'),
    `portcullis; error=tls_certificate_error; details="PTC_VERIFY_REJECTED by=built-in plugin=- x509=${code}/${n} host=${host}: `,
  )
  t.match(log, logLine(host, 'Terminate', wrong))
  const { failures, until, requests, handshakes } = it.origin(word)
  const alert = await until(() => failures[0], 'the alert')
  t.match(alert, new RegExp(`_ALERT_${alertOf(n).name.toUpperCase()}$`), 'the origin has its alert')
  t.match([failures.length, requests.length, handshakes.length], [1, 0, 0], 'and nothing else')
}

function isTolerated(t: Test, it: Policed, { word, host, response, log }: Asked, wrong: Wrong): void {
  const { code, depth } = wrong
  t.equal(response.status, 200, `${word} is served`)
  t.equal(
    response.header('proxy-status'),
    `portcullis; details="accepted although by=built-in x509=${code}/${X509_ERRORS[code]} depth=${depth} host=${host}"`,
    'and told of',
  )
  t.match(log, logLine(host, 'Continue', wrong))
  t.equal(it.origin(word).requests.length, 1)
}

function isServed(t: Test, it: Policed, { word, response, log }: Asked): void {
  t.equal(response.status, 200, `${word} is served`)
  t.equal(response.header('proxy-status'), undefined)
  t.notMatch(log, /Action=/, 'without a word')
  t.same(it.origin(word).failures, [])
}

for (const policy of POLICIES) {
  for (const properties of ['ALL', 'SIGNATURE', 'NAME', 'NONE'] as const) {
    test(`${policy} ${properties}`, async t => {
      // Where the built-in check does not bind, a plugin has to accept, and is told the result of the check.
      const gate = new Gate(({ reenable }) => void reenable())
      t.teardown(() => gate.stop())
      const hasPlugin = policy === 'DISABLED' || properties === 'NONE'
      const it = await policed(t, {
        origins: Object.fromEntries(Object.entries(ROWS).map(([word, { shows }]) => [word, shows])),
        ...{ hosts: [HOST, IDN, REVOKED], ca: root.certPem, files: { 'crl.pem': CRL } },
        ...(hasPlugin ? { plugins: [gate.line], modules: GATE_MODULE } : {}),
        sni: `sni: [{fqdn: ${REVOKED}, verify_server_crl: crl.pem}]`,
        records: {
          'proxy.config.ssl.client.verify.server.policy': policy,
          'proxy.config.ssl.client.verify.server.properties': properties,
        },
      })
      for (const [word, row] of Object.entries(ROWS)) {
        const { host = HOST } = row
        const before = it.proxy.output().length
        const response = await it.ask(word, host)
        const asked = { word, host, response, log: it.proxy.output().slice(before) }
        const wrong = wrongOf(row, properties)
        if (wrong === undefined || policy === 'DISABLED') isServed(t, it, asked)
        else if (policy === 'PERMISSIVE') isTolerated(t, it, asked, wrong)
        else await isRefused(t, it, asked, wrong)
        if (hasPlugin) {
          const { name, depth } = gate.asked.at(-1)?.builtIn ?? {}
          t.match({ name, depth }, wrong ? { name: wrong.code, depth: wrong.depth } : { name: 'X509_V_OK' })
        }
      }
      if (hasPlugin) t.equal(gate.asked.length, Object.keys(ROWS).length, 'the plugin was asked about each')
    })
  }
}

test('DISABLED without a plugin refuses the good with the bad', async t => {
  const it = await policed(t, {
    origins: { good: ROWS['good']?.shows ?? { chainPem: '', keyPem: '' } },
    ...{ hosts: [HOST], ca: root.certPem },
    records: { 'proxy.config.ssl.client.verify.server.policy': 'DISABLED' },
  })
  const { status, body, header } = await it.ask('good', HOST)
  t.equal(status, 502)
  t.match(body.toString(), '\nRejected by: the configuration, which leaves nobody to accept it\n')
  t.match(header('proxy-status'), 'by=no-check plugin=- x509=X509_V_ERR_UNSPECIFIED/1')
  const { failures, until } = it.origin('good')
  t.match(await until(() => failures[0], 'the alert'), /INTERNAL_ERROR$/)
})
