import { describeExample } from './journey.ts'

describeExample('express')
