import type { BuiltInResult, PeerEvidence } from 'portcullis/plugin'

/** Squid's name of the error, where it has one of its own. */
const SQUID_NAMES: Readonly<Record<string, string>> = {
  X509_V_ERR_HOSTNAME_MISMATCH: 'SQUID_X509_V_ERR_DOMAIN_MISMATCH',
  X509_V_ERR_IP_ADDRESS_MISMATCH: 'SQUID_X509_V_ERR_DOMAIN_MISMATCH',
}

/**
 * What the helper is asked, in the words of Squid's sslcrtvalidator_program, without the channel's number and the final
 * line feed: the host, the chain that was built (with the root), and the errors of the built-in check that are in force.
 */
export function requestFor(evidence: PeerEvidence): string {
  const { host, protocol, cipher, chain, builtChain } = evidence
  const certs = builtChain.length > 0 ? builtChain : chain
  const lines = [`host=${host}`, `proto_version=${protocol}`]
  if (cipher !== undefined) lines.push(`cipher=${cipher}`)
  for (const [i, { pem }] of certs.entries()) lines.push(`cert_${i}=${pem.trimEnd()}`)
  for (const [i, { name, depth }] of errorsOf(evidence).entries()) {
    const cert = depth >= 0 && depth < certs.length ? depth : 0
    lines.push(`error_name_${i}=${SQUID_NAMES[name] ?? name}`, `error_cert_${i}=cert_${cert}`)
  }
  const body = lines.join('\n')
  return `cert_validate ${Buffer.byteLength(body)} ${body}`
}

function errorsOf({ builtIn, checks }: PeerEvidence): readonly BuiltInResult[] {
  if (builtIn.ok) return []
  const parts = [checks.signature, checks.name].filter(check => !check.ok)
  return parts.length > 0 ? parts : [builtIn]
}
