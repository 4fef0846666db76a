/** Once a run, after the last worker: ends what global-setup.ts began. */
import { running } from './global-setup.ts';

export default async function globalTeardown(): Promise<void> {
  await running.stop();
}
