/**
 * Makes tap's own runner, `npx tap`, fit `.taprc` before it runs; `npm test` does not need it. After an installation the runner is still built with its default
 * plugins, and notices that only while it runs the tests with them: the first run would fail for the TypeScript loader
 * that `.taprc` leaves out. Takes some seconds once, and nothing later.
 */
import { execFileSync } from 'node:child_process'
import { t } from 'tap'

const UNWANTED = '@tapjs/typescript'

if (t.pluginSignature.split('\n').includes(UNWANTED)) {
  execFileSync('tap', ['build'], { stdio: 'inherit' }) // npm puts it on the path of a script
}
