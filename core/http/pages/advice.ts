/** What to do about an error, for the client and for the operator. Texts are in this file and in its table. */
import type { PeerEvidence } from '../../api/certificate.js'
import { ERRORS, isAnswered } from '../../base/error-table.js'
import type { ProxyError } from '../../base/errors.js'
import { altNames } from '../../tls/judge/certificate-parts.js'
import { type Rejection, VerifyRejected } from '../../tls/judge/verdict.js'
import { type Advice, BY_CODE, tryOf } from './advice-table.js'

/** What an advice may name. */
interface Facts {
  readonly host: string
  readonly rejection: Rejection
  readonly evidence: PeerEvidence | undefined
}

type Text = (facts: Facts) => string

const TELL = 'Tell the operator of the site'

/** For the built-in check, by the X509_V_ERR name of its result. */
const BY_RESULT: Readonly<Record<string, readonly [client: Text, operator: Text]>> = {
  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    () => `${TELL} that its server does not send every intermediate certificate.`,
    ({ host }) =>
      `${tryOf(host)} shows the chain. If the authority is a private one, name it: verify_server_ca in a rule of sni.yaml, or proxy.config.ssl.client.CA.cert.filename.`,
  ],
  X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: [
    () => 'The authority of the site is not trusted here: ask the operator of this proxy.',
    ({ host }) =>
      `If ${host} is yours, name its root: verify_server_ca in a rule of sni.yaml, or proxy.config.ssl.client.CA.cert.filename. ${tryOf(host)} shows the chain.`,
  ],
  X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: [
    () =>
      'The site has made its certificate itself: ask the operator of this proxy whether it is the right one.',
    ({ host }) =>
      `If ${host} is yours, save its certificate (portcullis try --pem FILE ${host}) and name it: verify_server_ca in a rule of sni.yaml.`,
  ],
  X509_V_ERR_HOSTNAME_MISMATCH: [
    ({ evidence }) => `Use a name that the certificate has${namesIn(evidence)}.`,
    ({ host, evidence }) =>
      `The certificate is for other names${namesIn(evidence)}. verify_server_name in a rule of sni.yaml for ${host} names the one that is right.`,
  ],
  X509_V_ERR_IP_ADDRESS_MISMATCH: [
    ({ evidence }) => `Use a name that the certificate has${namesIn(evidence)}, not an address.`,
    ({ host, evidence }) =>
      `The certificate is not for this address${namesIn(evidence)}. verify_server_name in a rule of sni.yaml for ${host} names the one that is right.`,
  ],
  X509_V_ERR_CERT_HAS_EXPIRED: [
    ({ evidence, rejection }) => `${TELL} that a certificate ended on ${endOf(evidence, rejection)}.`,
    ({ host }) =>
      `Check the clock of this machine (date). ${tryOf(host)} shows every certificate with its end.`,
  ],
  X509_V_ERR_CERT_NOT_YET_VALID: [
    () => `${TELL} that its certificate is not valid yet.`,
    ({ host }) => `Check the clock of this machine (date). ${tryOf(host)} shows every certificate.`,
  ],
  X509_V_ERR_CERT_REVOKED: [
    () => 'The authority of the site has revoked its certificate: do not use the site.',
    () => 'The revocation list of the rule (verify_server_crl in sni.yaml) has the certificate.',
  ],
}

/** Names of the leaf, as far as they are plain host names: an origin writes them. */
function namesIn(evidence: PeerEvidence | undefined): string {
  const [leaf] = evidence?.chain ?? []
  if (leaf === undefined) return ''
  try {
    const names = altNames(leaf.der).flatMap(({ type, value }) => (type === 'dns' ? [value] : []))
    const plain = names.filter(name => /^[\w*.-]{1,253}$/.test(name))
    const more = plain.length > MAX_NAMES ? ' …' : ''
    return plain.length === 0 ? '' : `: ${plain.slice(0, MAX_NAMES).join(', ')}${more}`
  } catch {
    return ''
  }
}

const MAX_NAMES = 5

const endOf = (evidence: PeerEvidence | undefined, { depth }: Rejection): string =>
  evidence?.chain[depth]?.x509.validTo ?? 'a day that has passed'

/** @param about the host that the request was for, where it is known */
export function adviceFor(error: ProxyError, about: string | undefined): Advice {
  const { code } = error
  const { remedy } = ERRORS[code]
  const general = isAnswered(code) ? BY_CODE[code](about ?? 'HOST') : { client: remedy, operator: remedy }
  return error instanceof VerifyRejected ? adviceForRejection(error, general) : general
}

function adviceForRejection({ rejection, evidence }: VerifyRejected, general: Advice): Advice {
  const { by, plugin, host, name } = rejection
  if (rejection.hold !== undefined) return general
  switch (by) {
    case 'built-in': {
      const [client, operator] = BY_RESULT[name] ?? []
      const facts = { host, rejection, evidence }
      return {
        client: client?.(facts) ?? 'Ask the operator of this proxy.',
        operator:
          operator?.(facts) ?? `${tryOf(host)} shows the chain and what the built-in check says of it.`,
      }
    }
    case 'deadline':
      return {
        client: 'Try again later.',
        operator: `${plugin === undefined || plugin === '' ? 'No plugin' : `Plugin ${plugin}`} did not answer in time: see its log, @deadline= in plugin.config, and proxy.config.ssl.client.verify.deadline.`,
      }
    case 'plugin-failed':
      return {
        client: 'Ask the operator of this proxy.',
        operator: `Plugin ${plugin} has failed: its error is in the log. ${tryOf(host)} asks it again.`,
      }
    case 'no-check':
      return {
        client: 'Ask the operator of this proxy.',
        operator:
          'Nothing may accept origins: load a plugin in plugin.config, or set proxy.config.ssl.client.verify.server.policy to ENFORCED.',
      }
    case 'operator':
      return {
        client: 'Ask the operator of this proxy.',
        operator: 'An operator has rejected this handshake (portcullis ctl reject).',
      }
    case 'plugin':
      return {
        client: 'Ask the operator of this proxy to allow the site.',
        operator: `Plugin ${plugin} decides about ${host}: see its line in plugin.config. ${tryOf(host)} asks it again.`,
      }
  }
}
