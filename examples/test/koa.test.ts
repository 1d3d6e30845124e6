import { describeExample } from './journey.ts'

describeExample('koa')
