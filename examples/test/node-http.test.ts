import { describeExample } from './journey.ts'

describeExample('node-http')
