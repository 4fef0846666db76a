/**
 * `node test/fsync-order.ts`: traces a gateway and its database with strace while one message comes in at each door, and prints what
 * happens between the last byte in and the answer out. Exit code 0: both answers were written after the data was on disk.
 */
import { traceDoors } from './support/fsync-order.ts';
import { whyNoTrace } from './support/syscall-trace.ts';

const hindrance = whyNoTrace();
if (hindrance !== '') {
  console.error(hindrance);
  process.exit(2);
}
for (const [door, steps] of Object.entries(await traceDoors())) {
  console.log(`${door}`);
  for (const { says, call } of steps) {
    const what = call.args.length > 100 ? `${call.args.slice(0, 97)}...` : call.args;
    console.log(`  line ${String(call.entered).padStart(6)}  ${says.padEnd(36)}${call.name}(${what}) = ${call.result}`);
  }
}
