import { expect, it } from '@jest/globals';
import { openRenderer } from '../../../../src/endpoints/dicomweb/renderer-session.ts';
import { failure } from '../../../../src/model/failure.ts';

it('reads a frame only when its turn has come, so that of many that wait one is held', async () => {
  const renderer = openRenderer();
  let held = 0;
  let most = 0;
  const read = async () => {
    most = Math.max(most, ++held);
    await new Promise((resolve) => setImmediate(resolve));
    held--;
    return failure('dicomweb', 'invalid', 'no frame');
  };
  const answers = await Promise.all(Array.from({ length: 40 }, () => renderer.render(read)));
  expect(most).toBe(1);
  expect(answers.map((answer) => ('code' in answer ? answer.code : 'image'))).toEqual([
    ...Array.from({ length: 32 }, () => 'invalid'),
    ...Array.from({ length: 8 }, () => 'out-of-resources'),
  ]);
  await renderer.close();
});
