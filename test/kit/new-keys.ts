import { createPrivateKey, createPublicKey, type KeyPairKeyObjectResult } from 'node:crypto'

/**
 * The same keys, read from PEM. Node 20 can stand still without end while it writes a new key as JWK: both this and the end of
 * what generated the key lock it, and garbage collection may come in between.
 */
export const readAnew = ({ publicKey, privateKey }: KeyPairKeyObjectResult): KeyPairKeyObjectResult => ({
  publicKey: createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
  privateKey: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
})
