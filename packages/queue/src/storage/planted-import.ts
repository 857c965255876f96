import { Signal } from '../../../../test/support/signal.ts'; export const planted = Signal;
