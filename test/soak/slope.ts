/** Tells how something grows. */

export interface Point {
  x: number;
  y: number;
}

/** The slope of the straight line that fits best, by least squares, and its standard error. */
export function slopeOf(points: Point[]): { slope: number; error: number } {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const rest = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: points.length > 2 ? Math.sqrt(rest / (points.length - 2) / spread) : 0 };
}

/** Growth that is this small a share of the whole is none, however little the samples differ. */
const leastShare = 0.01;

/** Does it stay where it is, as far as the points can tell? */
export function isFlat(points: Point[]): boolean {
  const { slope, error } = slopeOf(points);
  const [first, last] = [points[0]!, points.at(-1)!];
  const mean = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  return slope <= 2 * error || slope * (last.x - first.x) <= mean * leastShare;
}
