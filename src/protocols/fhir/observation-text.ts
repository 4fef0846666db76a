/** The value of an Observation in one line of text (FHIR R4 Observation.value[x], .dataAbsentReason, .component); '' where it has none. */
import type { CodeableConcept, Observation, ObservationComponent, Quantity } from '@medplum/fhirtypes';

export function valueText(observation: Observation): string {
  const components = (observation.component ?? []).map((part) => `${conceptText(part.code)} ${singleValue(part)}`.trim());
  return [singleValue(observation), ...components].filter((text) => text !== '').join('; ');
}

/** Text of a concept: its own words, else those of its first code. */
export function conceptText(concept: CodeableConcept | undefined): string {
  const coding = concept?.coding?.[0];
  return concept?.text ?? coding?.display ?? coding?.code ?? '';
}

/** `5.4 mmol/L`, with its comparator where it has one. */
function quantityText({ comparator, value, unit, code }: Quantity): string {
  return [`${comparator ?? ''}${value ?? ''}`, unit ?? code ?? ''].filter((text) => text !== '').join(' ');
}

function singleValue(value: Observation | ObservationComponent): string {
  if (value.valueQuantity) return quantityText(value.valueQuantity);
  if (value.valueCodeableConcept) return conceptText(value.valueCodeableConcept);
  if (value.valueRange) return `${quantityText(value.valueRange.low ?? {})} – ${quantityText(value.valueRange.high ?? {})}`;
  if (value.valueRatio) return `${quantityText(value.valueRatio.numerator ?? {})} / ${quantityText(value.valueRatio.denominator ?? {})}`;
  if (value.valuePeriod) return `${value.valuePeriod.start ?? ''} – ${value.valuePeriod.end ?? ''}`;
  const plain = value.valueString ?? value.valueInteger ?? value.valueBoolean ?? value.valueDateTime ?? value.valueTime;
  return plain === undefined ? conceptText(value.dataAbsentReason) : String(plain);
}
