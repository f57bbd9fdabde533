import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { shellWord } from './own-command.js'

/** Files of the shipped folder that a new configuration begins with. */
const COPIED = ['records.config', 'plugin.config', 'ip_allow.yaml', 'ssl_multicert.config', 'sni.schema.json']

const RULES = `# yaml-language-server: $schema=sni.schema.json
# sni.yaml: rules for single origins, as in Apache Traffic Server; docs/reference/rules.md lists all keys. The first rule
# whose fqdn matches the host of a URL counts, and no other.

sni:
  # A host with an authority of its own, instead of the roots of the system.
  # - fqdn: intranet.example
  #   verify_server_ca: intranet-ca.pem

  # Every name below a domain: the certificate must be the one with this digest, too.
  # - fqdn: "*.bank.example"
  #   verify_server_cert_sha256: ["00112233..."]

  # Tunnels to this host are not verified.
  # - fqdn: legacy.example
  #   connect_verify: tunnel
`

/**
 * Writes a commented configuration that starts as it stands: it serves this machine alone, verifies origins by the
 * built-in check, and loads no plugin.
 * @param name what `dir` is called in messages
 * @param shipped the folder `etc` of the program
 * @throws {ProxyError} PTC_CONFIG_EXISTS, PTC_CONFIG_UNREADABLE
 */
export function initFolder(
  { dir, name }: { readonly dir: string; readonly name: string },
  shipped: string,
  print: (line: string) => void,
): void {
  const files = new Map(COPIED.map(file => [file, neutral(file, readFileSync(join(shipped, file), 'utf8'))]))
  files.set('sni.yaml', RULES)
  const there = [...files.keys()].filter(file => existsSync(join(dir, file)))
  if (there.length > 0) throw new ProxyError('PTC_CONFIG_EXISTS', `${dir} has ${there.join(', ')}`)
  try {
    mkdirSync(dir, { recursive: true })
    for (const [file, text] of files) writeFileSync(join(dir, file), text, { flag: 'wx' })
  } catch (cause) {
    throw new ProxyError('PTC_CONFIG_UNREADABLE', `cannot write to ${dir}: ${describe(cause)}`, { cause })
  }
  print(`made ${name}: ${[...files.keys()].join(', ')}\n`)
  const folder = shellWord(name)
  print(`  portcullis verify-config -D ${folder}\n  portcullis start -D ${folder}`)
  print('  curl -x http://127.0.0.1:8080 https://www.example.com/')
}

/** The shipped folder shows a sample plugin with its debug lines; a new one loads none, and is quiet. */
function neutral(name: string, text: string): string {
  if (name === 'plugin.config') return text.replace(/^(?=async_verify)/m, '# ')
  return name === 'records.config' ? text.replace(/^(?=CONFIG proxy\.config\.diags\.debug\.)/gm, '# ') : text
}
