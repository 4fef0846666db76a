/** Content types of Binaries: RFC 9110 §8.3.1, without exotic characters, because they are sent back as a header. */

/** Whether a Binary may be kept under this content type. */
export function isMediaType(text: string): boolean {
  return text.length <= MAX_LENGTH && MEDIA_TYPE.test(text);
}

const MAX_LENGTH = 1_000;

const MEDIA_TYPE =
  /^[A-Za-z0-9!#$&^_.+-]{1,80}\/[A-Za-z0-9!#$&^_.+-]{1,80}(?:;\s?[A-Za-z0-9_.-]{1,40}=(?:[A-Za-z0-9_.-]{1,60}|"[A-Za-z0-9_. /+-]{1,60}"))*$/;
