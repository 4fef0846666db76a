/** HL7 Table 0063, relationship (NK1-3, IN1-17), to v3 RoleCode and what it lacks (guide: Relationship). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const V3_ROLECODE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
const V2_0063 = 'http://terminology.hl7.org/CodeSystem/v2-0063';
const V2_0131 = 'http://terminology.hl7.org/CodeSystem/v2-0131';

export const RELATIONSHIP: CodeTable<Coding> = {
  name: 'HL7 Table 0063',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0063',
  codes: new Map([
    ['SEL', { system: V3_ROLECODE, code: 'ONESELF', display: 'self' }],
    ['SPO', { system: V3_ROLECODE, code: 'SPS', display: 'spouse' }],
    ['DOM', { system: V3_ROLECODE, code: 'SIGOTHR', display: 'significant other' }],
    ['CHD', { system: V3_ROLECODE, code: 'CHILD', display: 'child' }],
    ['GCH', { system: V3_ROLECODE, code: 'GRNDCHILD', display: 'grandchild' }],
    ['NCH', { system: V3_ROLECODE, code: 'NCHILD', display: 'natural child' }],
    ['SCH', { system: V3_ROLECODE, code: 'STPCHLD', display: 'step child' }],
    ['FCH', { system: V3_ROLECODE, code: 'CHLDFOST', display: 'foster child' }],
    ['DEP', { system: V2_0063, code: 'DEP', display: 'Handicapped dependent' }],
    ['WRD', { system: V2_0063, code: 'WRD', display: 'Ward of court' }],
    ['PAR', { system: V3_ROLECODE, code: 'PRN', display: 'parent' }],
    ['MTH', { system: V3_ROLECODE, code: 'MTH', display: 'mother' }],
    ['FTH', { system: V3_ROLECODE, code: 'FTH', display: 'father' }],
    ['CGV', { system: V2_0063, code: 'CGV', display: 'Care giver' }],
    ['GRD', { system: V2_0063, code: 'GRD', display: 'Guardian' }],
    ['GRP', { system: V3_ROLECODE, code: 'GRPRN', display: 'grandparent' }],
    ['EXF', { system: V3_ROLECODE, code: 'EXT', display: 'extended family member' }],
    ['SIB', { system: V3_ROLECODE, code: 'SIB', display: 'sibling' }],
    ['BRO', { system: V3_ROLECODE, code: 'BRO', display: 'brother' }],
    ['SIS', { system: V3_ROLECODE, code: 'SIS', display: 'sister' }],
    ['FND', { system: V3_ROLECODE, code: 'FRND', display: 'unrelated friend' }],
    ['OAD', { system: V2_0063, code: 'OAD', display: 'Other adult' }],
    ['EME', { system: V2_0063, code: 'EME', display: 'Employee' }],
    ['EMR', { system: V2_0131, code: 'E', display: 'Employer' }],
    ['ASC', { system: V2_0063, code: 'ASC', display: 'Associate' }],
    ['EMC', { system: V2_0131, code: 'C', display: 'Emergency Contact' }],
    ['OWN', { system: V2_0063, code: 'OWN', display: 'Owner' }],
    ['TRA', { system: V2_0063, code: 'TRA', display: 'Trainer' }],
    ['MGR', { system: V2_0063, code: 'MGR', display: 'Manager' }],
    ['NON', { system: V2_0063, code: 'NON', display: 'None' }],
    ['UNK', { system: V2_0131, code: 'U', display: 'Unknown' }],
    ['OTH', { system: V2_0131, code: 'O', display: 'Other' }],
  ]),
};
