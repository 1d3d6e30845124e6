import { it } from 'vitest'
import { visitShop } from './shop-journey.ts'

it(
  'LIO-01 a shop in Java signs its users in and out by the session API alone',
  () => visitShop('java', 'java/Shop.java'),
  120_000,
)
