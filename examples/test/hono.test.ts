import { describeExample } from './journey.ts'

describeExample('hono')
