/** A process that writes first uses into a file of known hosts: `node known-hosts-writer.js FILE NAME COUNT`. */

import { WatchedFile } from '../../plugins/files/watched-file.js'
import { FirstUses } from '../../plugins/known-hosts/first-uses.js'
import { parseKnownHosts } from '../../plugins/known-hosts/host-file.js'

const [, , path = '', name = '', count = ''] = process.argv
const host = { error: console.error, schedule: () => {} }
const uses = new FirstUses(new WatchedFile(path, text => parseKnownHosts(text, path), host))
const spki = Buffer.alloc(32, name).toString('base64')
for (let i = 0; i < Number(count); i++) {
  await uses.remember({ name: `${name}${i}.example`, spki, remark: 'own' })
  // Both processes want this one: each is told the key that was written.
  const [key] = await uses.remember({ name: `both${i}.example`, spki, remark: name })
  console.log(`both${i}.example ${key?.spki}`)
}
