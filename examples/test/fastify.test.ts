import { describeExample } from './journey.ts'

describeExample('fastify')
