/**
 * A baseline JPEG turned upright without a loss: its blocks change their places, and the coefficients in them. In: a file, how Exif says it is
 * to be shown. Out: the file that shows so by itself, without any application segment but Adobe's; null where it is coded otherwise, or where
 * a side that would become the left or the upper one does not end with a whole MCU.
 */
import { type CoefficientPlane, type Coefficients, readCoefficients, writeCoefficients } from './jpeg-coefficients.ts';

/** First the diagonal, then the sides. */
type Turn = { readonly transpose: boolean; readonly across: boolean; readonly down: boolean };

export function turnedJpeg(file: Buffer, orientation: number): Buffer | null {
  const turn = TURNS[orientation];
  const coefficients = turn && readCoefficients(file);
  if (!coefficients) return null;
  const { planes, quantization } = coefficients;
  const [columns, rows] = turn.transpose ? [coefficients.rows, coefficients.columns] : [coefficients.columns, coefficients.rows];
  const turned = planes.map((plane) => turnedPlane(plane, turn));
  if (turn.across && columns % (8 * Math.max(...turned.map(({ h }) => h))) !== 0) return null;
  if (turn.down && rows % (8 * Math.max(...turned.map(({ v }) => v))) !== 0) return null;
  const tables = [...quantization].map(
    ([id, values]) => [id, turn.transpose ? values.map((_, place) => values[mirrored(place)] as number) : values] as const,
  );
  return writeCoefficients({ ...coefficients, columns, rows, planes: turned, quantization: new Map(tables) } satisfies Coefficients);
}

function turnedPlane(plane: CoefficientPlane, { transpose, across, down }: Turn): CoefficientPlane {
  const [wide, high] = transpose ? [plane.high, plane.wide] : [plane.wide, plane.high];
  const [h, v] = transpose ? [plane.v, plane.h] : [plane.h, plane.v];
  const values = new Int16Array(plane.values.length);
  const from = Array.from({ length: 64 }, (_, place) => (transpose ? mirrored(place) : place));
  const signs = from.map((_, place) => ((across && place % 2 === 1) !== (down && (place >> 3) % 2 === 1) ? -1 : 1));
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const [left, top] = [across ? wide - 1 - x : x, down ? high - 1 - y : y];
      const source = (transpose ? left * plane.wide + top : top * plane.wide + left) * 64;
      const target = (y * wide + x) * 64;
      for (let place = 0; place < 64; place++) {
        values[target + place] = (plane.values[source + (from[place] as number)] as number) * (signs[place] as number);
      }
    }
  }
  return { ...plane, h, v, wide, high, values };
}

/** On the other side of the diagonal of a block. */
function mirrored(place: number): number {
  return (place % 8) * 8 + (place >> 3);
}

/** CIPA DC-008 §4.6.4, tag 274. */
const TURNS: Readonly<Record<number, Turn>> = {
  2: { transpose: false, across: true, down: false },
  3: { transpose: false, across: true, down: true },
  4: { transpose: false, across: false, down: true },
  5: { transpose: true, across: false, down: false },
  6: { transpose: true, across: true, down: false },
  7: { transpose: true, across: true, down: true },
  8: { transpose: true, across: false, down: true },
};
