/**
 * fast-check for the tests: the same cases at every run, so that a test that failed fails again. Other cases: `PROPERTY_SEED=<number>`,
 * or `PROPERTY_SEED=random`, which each test's failure names.
 */
import fc from 'fast-check';

const { PROPERTY_SEED = '20260302' } = process.env;
if (PROPERTY_SEED !== 'random') fc.configureGlobal({ seed: Number(PROPERTY_SEED) });

export default fc;
