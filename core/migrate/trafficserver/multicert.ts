/** ssl_multicert.config up to 10, ssl_multicert.yaml since. */
import { isIP } from 'node:net'
import { join } from 'node:path'
import { checkFile, linesOf, type Source, textOf } from '../source.js'
import { folderOf, type OldRecords } from './old-records.js'
import { type YamlItem, yamlItems } from './yaml-items.js'

const UNUSED: Readonly<Record<string, string>> = {
  ssl_ticket_enabled: 'session tickets have no setting by certificate',
  ssl_ticket_number: 'session tickets have no setting by certificate',
  ticket_key_name: 'keys of session tickets are not read',
  ssl_ocsp_name: 'clients get no OCSP response',
}
const KEYS = ['dest_ip', 'ssl_cert_name', 'ssl_key_name', 'ssl_ca_name']

/** @param named the file that the records name */
export function migrateMulticert(source: Source, old: OldRecords, named: string): void {
  const yaml = 'ssl_multicert.yaml'
  const config = [named, 'ssl_multicert.config'].find(
    name => name !== yaml && textOf(source, name) !== undefined,
  )
  const text = textOf(source, yaml)
  const items = [
    ...(config === undefined ? [] : fromLines(source, textOf(source, config) ?? '', config)),
    ...(text === undefined ? [] : yamlItems(source, text, yaml, 'ssl_multicert')),
  ]
  const ports = String(source.facts.records.get('proxy.config.http.server_ports') ?? '')
  const isTls = ports.split(/[:\s]/).includes('ssl')
  for (const item of items) migrateOne(source, old, item, isTls)
  if (isTls && source.facts.certificates.length === 0)
    source.findings.add(
      'wrong',
      config ?? 'ssl_multicert.config',
      `the ports ${ports} speak TLS, and no line names a certificate for them`,
    )
}

function fromLines({ findings }: Source, text: string, file: string): readonly YamlItem[] {
  return linesOf(text, file).flatMap(({ text, where }) => {
    const value: Record<string, string> = {}
    const doubled: string[] = []
    const rest = text.replace(
      /([^\s=]+)=(?:"([^"]*)"|(\S*))(?=\s|$)/g,
      (_, key: string, quoted?: string, plain?: string) => {
        if (Object.hasOwn(value, key)) doubled.push(key)
        value[key] = quoted ?? plain ?? ''
        return ''
      },
    )
    for (const key of doubled) findings.add('wrong', where, `${key} is given twice`)
    if (rest.trim() !== '') findings.add('wrong', where, `${rest.trim()} is not key=value`)
    return doubled.length > 0 || rest.trim() !== '' ? [] : [{ value, where }]
  })
}

function migrateOne(source: Source, old: OldRecords, { value, where }: YamlItem, isTls: boolean): void {
  const { facts, findings } = source
  const of = (key: string): string => String(value[key] ?? '')
  for (const key of Object.keys(value)) {
    if (key === 'action')
      findings.add('undecided', where, 'action=tunnel: TLS of clients is not relayed; clients send CONNECT')
    else if (key === 'ssl_key_dialog')
      findings.add(
        'undecided',
        where,
        'ssl_key_dialog: keys have no passphrase here, and no program is run for one',
      )
    else if (UNUSED[key] !== undefined) findings.add('lost', where, `${key}: ${UNUSED[key]}`)
    else if (!KEYS.includes(key)) findings.add('wrong', where, `${key} is no key of a line`)
  }
  if ('action' in value || 'ssl_key_dialog' in value) return
  const [address, port] = splitAddress(of('dest_ip'))
  if (address === undefined)
    return void findings.add('wrong', where, `dest_ip ${of('dest_ip')} is no address`)
  if (port) findings.add('changed', where, `${of('dest_ip')}: the certificate is for all ports of ${address}`)
  if (of('ssl_cert_name') === '') return void findings.add('wrong', where, 'there is no ssl_cert_name')
  const [certFolder, keyFolder] = [
    folderOf(source, old, 'proxy.config.ssl.server.cert.path'),
    folderOf(source, old, 'proxy.config.ssl.server.private_key.path'),
  ]
  const inFolder = (folder: string, names: string): string =>
    names
      .split(',')
      .map(name => (name.startsWith('/') ? name : join(folder, name)))
      .join(',')
  const names = {
    destIp: address,
    certificates: inFolder(certFolder, of('ssl_cert_name')),
    keys: of('ssl_key_name') === '' ? undefined : inFolder(keyFolder, of('ssl_key_name')),
    issuers: of('ssl_ca_name') === '' ? undefined : inFolder(certFolder, of('ssl_ca_name')),
  }
  facts.certificates.push(names)
  findings.add('changed', where, `${of('ssl_cert_name')} for ${address}`)
  if (!isTls) return
  for (const path of [names.certificates, names.keys, names.issuers].join(',').split(','))
    if (path !== '') checkFile(source, where, 'the file', path)
}

/** The address alone, and whether there was a port. */
function splitAddress(text: string): readonly [address: string | undefined, port: boolean] {
  if (text === '' || text === '*') return ['*', false]
  const [, six, sixPort] = /^\[(.*)\](:\d+)?$/.exec(text) ?? []
  if (six !== undefined) return [isIP(six) === 6 ? six : undefined, sixPort !== undefined]
  if (isIP(text) !== 0) return [text, false]
  const [, four = '', port] = /^([\d.]+)(:\d+)$/.exec(text) ?? []
  return [isIP(four) === 4 ? four : undefined, port !== undefined]
}
