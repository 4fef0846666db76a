/** Takes a multipart/related answer apart, by its own boundary and nothing else. */
export type ReceivedPart = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

export async function partsOf(response: Response): Promise<ReceivedPart[]> {
  const contentType = response.headers.get('content-type') ?? '';
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!contentType.startsWith('multipart/related') || !boundary) throw new Error(`not multipart: ${response.status} ${contentType}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const parts: ReceivedPart[] = [];
  const mark = Buffer.from(`--${boundary}`);
  for (let at = bytes.indexOf(mark); bytes.toString('latin1', at + mark.length, at + mark.length + 2) !== '--'; ) {
    const next = bytes.indexOf(mark, at + mark.length);
    if (next < 0) throw new Error('the last boundary is missing');
    const part = bytes.subarray(at + mark.length + 2, next - 2);
    const head = part.indexOf('\r\n\r\n');
    const lines = part.toString('latin1', 0, head).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]),
    );
    parts.push({ headers, body: part.subarray(head + 4) });
    at = next;
  }
  return parts;
}
