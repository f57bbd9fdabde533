/** Names that hide what they stand for. */
import { test } from 'tap'
import { StoreKeys } from '../../../core/base/store-keys.js'
import { makeKey } from '../../kit/stores.js'

test('a secret name is of the first key, the use and the id', async t => {
  const [a, b] = [makeKey(), makeKey()]
  const of = (text: string, use = 'cluster', id = 'id') =>
    StoreKeys.fromKeys(text, use).secretNameOf(Buffer.from(id))
  t.equal(of(a), of(a))
  t.equal(of(a + b), of(a))
  for (const other of [of(b), of(b + a), of(a, 'other'), of(a, 'cluster', 'di')]) t.not(other, of(a))
  t.not(of(a), StoreKeys.fromKeys(a, 'cluster').nameOf(Buffer.from('id')), 'no digest that can be guessed')
})
