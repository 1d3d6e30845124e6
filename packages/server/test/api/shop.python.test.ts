import { it } from 'vitest'
import { visitShop } from './shop-journey.ts'

it('LIO-01 a shop in Python signs its users in and out by the session API alone', () =>
  visitShop('python', 'python/shop.py'))
