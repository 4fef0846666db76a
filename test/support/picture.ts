/** What can be said of a picture without looking: whether it shows anything, whether it has colour, how like another one it is. */
import sharp from 'sharp';

export type Facts = { readonly coloured: number; readonly brightness: number };

/** `coloured`: share of pixels whose channels are far apart; `brightness`: mean, 0 to 255. */
export async function factsOf(picture: Buffer): Promise<Facts> {
  const { data } = await sharp(picture).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  let [coloured, sum] = [0, 0];
  for (let at = 0; at < data.length; at += 3) {
    const channels = [...data.subarray(at, at + 3)];
    const grey = Math.round(channels.reduce((total, channel) => total + channel, 0) / 3);
    sum += grey;
    if (Math.max(...channels) - Math.min(...channels) > COLOUR_DISTANCE) coloured++;
  }
  const pixels = data.length / 3;
  return { coloured: coloured / pixels, brightness: sum / pixels };
}

/** Correlation of the grey values of a view with a picture that fills as much of it as its shape allows: 1 is the same picture. */
export async function likeness(view: Buffer, picture: Buffer): Promise<number> {
  const { width, height } = await sharp(view).metadata();
  const fitted = await sharp(picture).removeAlpha().resize({ width, height, fit: 'contain', background: 'black' }).png().toBuffer();
  const [one, other] = await Promise.all([view, fitted].map(greysOf));
  return correlation(one as number[], other as number[]);
}

/** The middle of a view: three tenths of its width, four tenths of its height. */
export async function middleOf(view: Buffer): Promise<Buffer> {
  const { width, height } = await sharp(view).metadata();
  const part = (length: number, share: number) => Math.round(length * share);
  const region = { left: part(width, 0.35), top: part(height, 0.3), width: part(width, 0.3), height: part(height, 0.4) };
  return sharp(view).extract(region).png().toBuffer();
}

async function greysOf(picture: Buffer): Promise<number[]> {
  return [...(await sharp(picture).removeAlpha().greyscale().resize({ width: SAMPLES, height: SAMPLES, fit: 'fill' }).raw().toBuffer())];
}

function correlation(one: readonly number[], other: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanOne, meanOther] = [mean(one), mean(other)];
  let [both, squareOne, squareOther] = [0, 0, 0];
  for (const [index, value] of one.entries()) {
    const [x, y] = [value - meanOne, (other[index] as number) - meanOther];
    both += x * y;
    squareOne += x * x;
    squareOther += y * y;
  }
  return both / Math.sqrt(squareOne * squareOther);
}

const SAMPLES = 64;
const COLOUR_DISTANCE = 60;
