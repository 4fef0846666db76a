/**
 * Medical specialties: one YAML file each (profiles/specialties/), checked by the same machinery as the configuration.
 * In: the files' texts. Out: specialties, or every fault of every file. What a deployment changes in one is laid over it last.
 */
import { z } from 'zod';
import type { PriorRule, Specialty } from '../model/config.ts';
import { duration, list, name, oneOf, section, text, wholeNumber } from './elements.ts';
import { faultsOf } from './fault.ts';
import type { ConfigInput } from './schema.ts';
import { type ConfigFault, parseSource, type Source } from './source.ts';

export type SpecialtyFile = { readonly file: string; readonly text: string };

/** All specialties in the order of their file names; a file must be named as what it describes. */
export function readSpecialties(files: readonly SpecialtyFile[]): { specialties: Specialty[]; faults: ConfigFault[] } {
  const read = files.map((file) => readSpecialty(file));
  return { specialties: read.flatMap((one) => one.specialty ?? []), faults: read.flatMap((one) => one.faults) };
}

/** The specialties with the deployment's changes in them. */
export function changedSpecialties(specialties: readonly Specialty[], changes: ConfigInput['specialties']): Specialty[] {
  return specialties.map((specialty) => {
    const { quiet, limit, instances, media, forms, releaseAtOnce, priors } =
      (Object.hasOwn(changes, specialty.name) && changes[specialty.name]) || {};
    const { whole } = specialty;
    return {
      ...specialty,
      releaseAtOnce: releaseAtOnce ?? specialty.releaseAtOnce,
      ...(priors ? { priors: priorRule(priors) } : {}),
      whole: {
        instances: instances ?? whole.instances,
        media: media ?? whole.media,
        forms: forms ?? whole.forms,
        quietMs: quiet ?? whole.quietMs,
        limitMs: limit ?? whole.limitMs,
      },
    };
  });
}

function priorRule({ wait, ...rule }: NonNullable<ConfigInput['specialties'][string]['priors']>): PriorRule {
  return { ...rule, waitMs: wait };
}

function readSpecialty(file: SpecialtyFile): { specialty: Specialty | null; faults: readonly ConfigFault[] } {
  const source = parseSource(file.file, file.text);
  if (source.faults.length > 0) return { specialty: null, faults: source.faults };
  const parsed = specialtySchema.safeParse(source.raw);
  if (!parsed.success) return { specialty: null, faults: faultsOf(parsed.error.issues, source) };
  const faults = misnamed(parsed.data.name, file.file, source);
  const { quiet, limit, ...whole } = parsed.data.whole;
  return { specialty: faults.length > 0 ? null : { ...parsed.data, whole: { ...whole, quietMs: quiet, limitMs: limit } }, faults };
}

function misnamed(specialty: string, file: string, source: Source): ConfigFault[] {
  return file.endsWith(`/${specialty}.yaml`) ? [] : [source.fault(['name'], `must be the name of the file, without .yaml`)];
}

const coding = section({
  system: z.url({ error: 'must be a URI of a code system' }),
  code: text('a code, in quotes where it is all digits'),
  display: text('what the code means'),
});

const specialtySchema = section({
  name,
  title: text('a title'),
  practice: coding,
  report: coding,
  match: list(text('a hint such as modality:CT')),
  whole: section({
    instances: wholeNumber(0, 100_000).prefault(0),
    media: wholeNumber(0, 10_000).prefault(0),
    forms: wholeNumber(0, 1_000).prefault(0),
    quiet: duration('0s', '7d').prefault('0s'),
    limit: duration('0s', '30d').prefault('4h'),
  }),
  releaseAtOnce: list(oneOf('routine', 'urgent', 'asap', 'stat')).prefault([]),
});
