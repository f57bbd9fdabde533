import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import { loadTemplates } from '../../../../core/config/body-factory.js'
import { errorReply } from '../../../../core/http/pages/replies.js'
import { compilePages, PAGE_FIELDS, TEMPLATE_NAMES } from '../../../../core/http/pages/templates.js'
import { rejection, VerifyRejected } from '../../../../core/tls/judge/verdict.js'
import { makeTempDir } from '../../../kit/temp-dir.js'

const ETC = fileURLToPath(new URL('../../../../../etc', import.meta.url))
const HTML = { accept: 'text/html' }
const pagesOf = (texts: Record<string, string>) =>
  compilePages(Object.entries(texts).map(([name, text]) => ({ name, text, file: `/x/${name}` })))
const rejected = new VerifyRejected(
  rejection('plugin', 'revoked', '<b>.example', 'seen "here" & there', 'pins'),
)

test('an error is shown with the template of its name', async t => {
  const pages = pagesOf({
    default: 'other %<status> %<reason> %<code>',
    'connect#dns_failed': 'no name %<host>',
  })
  const show = (error: ProxyError, headers = {}, host = 'a.example'): string =>
    errorReply(error, { host }, headers, pages).body.toString()
  t.equal(show(new ProxyError('PTC_DNS_FAILED', 'x'), HTML), 'no name a.example')
  t.equal(
    show(new ProxyError('PTC_CONNECT_REFUSED', 'x'), HTML),
    'other 502 Bad Gateway PTC_CONNECT_REFUSED',
    'or with default',
  )
  t.equal(
    show(new ProxyError('PTC_DNS_FAILED', 'x'), HTML, '"><script>'),
    'no name &quot;&gt;&lt;script&gt;',
    'escaped',
  )
  t.equal(
    show(new ProxyError('PTC_DNS_FAILED', 'x'), HTML, '$& $1 %<code>'),
    'no name $&amp; $1 %&lt;code&gt;',
    'once',
  )
  t.match(JSON.parse(show(new ProxyError('PTC_DNS_FAILED', 'x'), { accept: 'application/json' })), {
    error: { code: 'PTC_DNS_FAILED' },
  })
  t.notMatch(
    show(new ProxyError('PTC_DNS_FAILED', 'x'), { 'user-agent': 'curl/8' }),
    /no name/,
    'text stays text',
  )
  const some = pagesOf({ 'connect#dns_failed': 'x' })
  t.match(
    errorReply(rejected, { host: 'x' }, HTML, some).body.toString(),
    /<!doctype html>.*pins/s,
    'without default the built-in page is shown',
  )
})

test('the fields of a rejection', async t => {
  const text = '%<by>|%<plugin>|%<verdict_reason>|%<x509>|%<x509_code>|%<detail>|%<host>'
  const page = errorReply(
    rejected,
    { host: 'x' },
    HTML,
    pagesOf({ 'connect#cert_rejected': text }),
  ).body.toString()
  t.equal(
    page,
    'plugin|pins|revoked|X509_V_ERR_CERT_REVOKED|23|seen &quot;here&quot; &amp; there|&lt;b&gt;.example',
  )
  const none = errorReply(
    new ProxyError('PTC_DNS_FAILED', 'x'),
    { host: undefined },
    HTML,
    pagesOf({ default: `<${text}>` }),
  )
  t.equal(none.body.toString(), '<||||||>', 'are empty where there was none')
})

test('mistakes in templates are named', async t => {
  t.throws(() => pagesOf({ 'connect#dns_fail': '', default: 'a\nb %<cod>' }), {
    code: 'PTC_TEMPLATE_INVALID',
    message:
      /\/x\/connect#dns_fail: no error.*did you mean connect#dns_failed\?\n.*\/x\/default:2: there is no %<cod>; did you mean code\?/s,
  })
})

test('the shipped templates', async t => {
  const templates = loadTemplates({ path: join(ETC, 'body_factory'), by: 'r' })
  t.same(templates.map(({ name }) => name).sort(), [...TEMPLATE_NAMES].sort(), 'there is one for each name')
  const page = errorReply(rejected, { host: 'x' }, HTML, compilePages(templates)).body.toString()
  t.match(page, /<title>Certificate Rejected<\/title>.*<tr><th>Plugin<td>pins/s)
  t.notMatch(page, /%<|<b>\.example/)
  const readme = readFileSync(join(ETC, 'body_factory/README.md'), 'utf8')
  for (const name of [...TEMPLATE_NAMES, ...Object.keys(PAGE_FIELDS).map(field => `%<${field}>`)])
    t.ok(readme.includes(`\`${name}\``), `the README has ${name}`)
})

test('a folder of templates', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  t.strictSame(
    loadTemplates({ path: join(dir.path, 'body_factory'), by: 'r', mayBeMissing: true }),
    [],
    'may be missing if it has the usual name',
  )
  t.throws(() => loadTemplates({ path: join(dir.path, 'mine'), by: 'r' }), {
    code: 'PTC_CONFIG_UNREADABLE',
    message: /mine/,
  })
})
