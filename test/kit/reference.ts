/**
 * Renders docs/reference/ from the tables in core/. `node dist/test/kit/reference.js --write` writes the pages;
 * test/rules/reference.test.ts fails while they differ.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AdminApi } from '../../core/admin/admin-api.js'
import { routesOf } from '../../core/admin/app.js'
import { X509_ERRORS, type X509ErrorName } from '../../core/api/x509-errors.js'
import { ERRORS } from '../../core/base/error-table.js'
import { CERTIFICATE_FIELDS, NAMED_FORMATS } from '../../core/config/log-format.js'
import type { RecordRow } from '../../core/config/record-row.js'
import { describeDomain, showValue } from '../../core/config/record-value.js'
import { ACCESS_RECORDS } from '../../core/config/records-access.js'
import { FIELD_RECORDS } from '../../core/config/records-fields.js'
import { GENERAL_RECORDS } from '../../core/config/records-general.js'
import { HTTP_RECORDS } from '../../core/config/records-http.js'
import { HTTP2_RECORDS } from '../../core/config/records-http2.js'
import { LOG_RECORDS } from '../../core/config/records-log.js'
import { NAME_RECORDS } from '../../core/config/records-names.js'
import { PARENT_RECORDS } from '../../core/config/records-parents.js'
import { PROCESS_RECORDS } from '../../core/config/records-processes.js'
import { SERVER_RECORDS } from '../../core/config/records-server.js'
import { BUMP_RECORDS, SSL_RECORDS } from '../../core/config/records-ssl.js'
import { RULE_KEYS, RULES_SCHEMA } from '../../core/config/rules-schema.js'
import { LOG_FIELDS } from '../../core/log/log-fields.js'
import { alertOf } from '../../core/tls/alerts.js'
import { REASONS } from '../../core/tls/judge/verdict.js'

const WRITTEN = 'This page is generated from the tables of the program; a test keeps it true.'

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (text: string): string => `\`${text}\``

function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, WRITTEN, ...parts].join('\n\n')}\n`
}

function recordRows(records: Readonly<Record<string, RecordRow>>): readonly (readonly string[])[] {
  return Object.entries(records).map(([name, row]) => [
    code(name),
    row.type,
    code(showValue(row.default)),
    describeDomain(row),
    row.reload === false ? 'no' : 'yes',
    row.about,
  ])
}

export function renderRecords(): string {
  const head = ['record', 'type', 'default', 'accepts', 'reload', 'what it does']
  return page(
    'Records',
    'A record is set by a line `CONFIG name type value` in `records.config`, or by an environment variable, which overrides it: ' +
      'the name in capitals, with `_` for `.` (`PROXY_CONFIG_HTTP_CONNECT_PORTS`). Names, types and defaults are those of ' +
      'Apache Traffic Server unless the text says otherwise. Unknown names, other types, values outside of what is ' +
      'accepted and lines that set a record twice are errors, all reported at once with file and line.',
    'INT values may end in `K`, `M`, `G` or `T` (powers of 1024) or be hexadecimal (`0x1f`). `NULL` means that a STRING ' +
      'has no value. "Reload" says whether a running proxy takes over a new value on SIGHUP; the others need a restart.',
    '## The program',
    table(head, recordRows(GENERAL_RECORDS)),
    '## Processes',
    table(head, recordRows(PROCESS_RECORDS)),
    '## Ports, requests and connections',
    table(head, recordRows(HTTP_RECORDS)),
    '## HTTP/2',
    table(head, recordRows(HTTP2_RECORDS)),
    '## What origins learn of clients',
    table(head, recordRows(FIELD_RECORDS)),
    '## Addresses of names',
    table(head, recordRows(NAME_RECORDS)),
    '## Connections of clients',
    table(head, recordRows(SERVER_RECORDS)),
    '## Access to the proxy',
    table(head, recordRows(ACCESS_RECORDS)),
    '## Parent proxies',
    table(head, recordRows(PARENT_RECORDS)),
    '## The access log',
    table(head, recordRows(LOG_RECORDS)),
    '## TLS towards origins',
    table(head, recordRows(SSL_RECORDS)),
    '## The authority of bump',
    table(head, recordRows(BUMP_RECORDS)),
  )
}

export function renderErrors(): string {
  const rows = Object.entries(ERRORS).map(([name, { side, status, proxyStatus, remedy }]) => [
    code(name),
    side,
    status === 0 ? '' : String(status),
    proxyStatus === '' ? '' : code(proxyStatus),
    remedy,
  ])
  return page(
    'Errors',
    'Every error has a code. "Side" says where it comes from: the client, the origin, or the proxy itself. "Answer" is the ' +
      'status the client receives and `error=` the value in `Proxy-Status` (RFC 9209); both are empty for errors that no ' +
      'client waits for.',
    table(['code', 'side', 'answer', '`error=`', 'what to do'], rows),
  )
}

function reasonRow(name: X509ErrorName): readonly string[] {
  const number = X509_ERRORS[name]
  const alert = alertOf(number)
  return [code(name), String(number), `${code(alert.name)} (${alert.number})`]
}

export function renderReasons(): string {
  const words = Object.entries(REASONS).map(([word, name]) => [code(word), ...reasonRow(name)])
  const names = Object.keys(X509_ERRORS).map(name => reasonRow(name as X509ErrorName))
  return page(
    'Reasons',
    "A plugin rejects with `reenable(reject(reason, 'detail'))`. The reason is a word of the first table or a name of the " +
      'second. Each stands for a code of OpenSSL, and OpenSSL picks the alert that the origin receives from the code.',
    '## Words',
    table(['reason', 'stands for', 'code', 'alert to the origin'], words),
    '## Names',
    table(['name', 'code', 'alert to the origin'], names),
  )
}

export function renderRules(): string {
  const rows = Object.entries(RULE_KEYS).map(([name, key]) => [code(name), acceptedBy(key), key.description])
  return page(
    'Rules for single origins: sni.yaml',
    'The form is that of Traffic Server: a list `sni` of rules, each with an `fqdn`. The first rule that matches the name ' +
      'in the URL counts, and no other; the records define what it leaves out. Misspelt keys are errors. For editors ' +
      'the schema lies in `etc/sni.schema.json`: `# yaml-language-server: $schema=sni.schema.json`.',
    'A demand (alternative names, pins, key sizes) is part of the built-in check: the policy says how far it binds. A pin ' +
      'is about the leaf: an issuer that an origin merely sends proves nothing. To pin an issuer, trust it alone ' +
      '(`verify_server_ca`).',
    table(['key', 'accepts', 'what it does'], rows),
  )
}

function acceptedBy(key: { readonly enum?: readonly unknown[]; readonly shape?: string }): string {
  return key.enum?.join(', ') ?? key.shape ?? ''
}

export function renderLogFields(): string {
  const rows = Object.entries(LOG_FIELDS).map(([symbol, { about }]) => [code(`%<${symbol}>`), about])
  const formats = Object.entries(NAMED_FORMATS).map(([name, text]) => [name, code(text)])
  return page(
    'Log fields',
    'What `proxy.config.log.format` may be made of. Symbols are those of Apache Traffic Server. What is not known is ' +
      'written `-`; a character that could end a field or a line is written `%XX`.',
    table(
      ['field', 'what it says'],
      [
        ...rows,
        [code('%<{Name}cqh>'), "a field of the request's header; not those that hold passwords"],
        [code('%<{Name}ssh>'), "a field of the header of the origin's response; the same"],
      ],
    ),
    '## Formats with a name',
    table(['name', 'fields'], [...formats, ['json', 'everything that is worth it, as one object a line']]),
    `With \`proxy.config.log.certificate_fields INT 1\` these follow: ${code(CERTIFICATE_FIELDS.trim())}.`,
  )
}

/** The routes are described, and none is called. */
export function renderOpenApi(): string {
  const unused = (): never => {
    throw new Error('no route is called')
  }
  const { openApi } = routesOf(new Proxy({} as AdminApi, { get: unused }), {
    metrics: unused,
    samples: unused,
    dashboard: unused,
    audit: unused,
    onError: unused,
  })
  return `${JSON.stringify(openApi.document, null, 2)}\n`
}

/** File names below docs/reference/, and what writes them. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'records.md': renderRecords,
  'errors.md': renderErrors,
  'log-fields.md': renderLogFields,
  'openapi.json': renderOpenApi,
  'reasons.md': renderReasons,
  'rules.md': renderRules,
}

/** Where the page lies: this module runs as dist/test/kit/reference.js. */
export function pagePath(name: string): string {
  return fileURLToPath(new URL(`../../../docs/reference/${name}`, import.meta.url))
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === '--write') {
  for (const [name, render] of Object.entries(PAGES)) {
    mkdirSync(dirname(pagePath(name)), { recursive: true })
    writeFileSync(pagePath(name), render())
  }
  const schema = fileURLToPath(new URL('../../../etc/sni.schema.json', import.meta.url))
  writeFileSync(schema, `${JSON.stringify(RULES_SCHEMA, null, 2)}\n`)
}
