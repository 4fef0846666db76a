/** The names we define ourselves in FHIR: extensions (profiles/fhir/) and the system under which other servers keep our ids. */

const BASE = 'https://waystation.dev/fhir';

/** Extension on Signature, valueBase64Binary: the exact bytes that were signed. Servers rewrite references; these bytes stay. */
export const SIGNED_CONTENT = `${BASE}/StructureDefinition/signed-content`;

/** Extension on Attachment, valueString: lower-case hex SHA-256 of the bytes behind `url`. Attachment.hash of R4 is SHA-1. */
export const ATTACHMENT_SHA256 = `${BASE}/StructureDefinition/attachment-sha256`;

/** Extension on ServiceRequest: one IPC segment of an HL7 v2 order, a scheduled procedure step. */
export const IMAGING_PROCEDURE_STEP = `${BASE}/StructureDefinition/imaging-procedure-step`;

/** System of identifiers and tags that tell whose resource this is: the value is `Type/id` at the gateway that sent it. */
export const RESOURCE_SYSTEM = `${BASE}/NamingSystem/resource`;

/** Code system of what a case waits for, in Task.statusReason. */
export const MISSING_PART_SYSTEM = `${BASE}/CodeSystem/missing-part`;

/** System of case ids, in Task.identifier. */
export const CASE_SYSTEM = `${BASE}/NamingSystem/case`;

/** System of the names of destinations and reading groups, in Organization.identifier. */
export const GROUP_SYSTEM = `${BASE}/NamingSystem/group`;

/** HL7's codes of what a Task asks for. */
export const TASK_CODE_SYSTEM = 'http://hl7.org/fhir/CodeSystem/task-code';
