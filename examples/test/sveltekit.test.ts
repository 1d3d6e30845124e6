import { describeExample } from './journey.ts'

describeExample('sveltekit', { addPath: '/?/add', generatesTypes: true })
