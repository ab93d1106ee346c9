/** One line of a plot; both axes are logarithmic, x from 10^0 on. */
export interface Series {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [420, 280, 62, 16, 34, 44];
const COLUMNS = 2;

/** Small plots beside each other, in one picture. Zero on the x axis stands one step left of the next value. */
export function plots(all: readonly Series[]): string {
  const rows = Math.ceil(all.length / COLUMNS);
  const panels = all.map((series, at) => {
    const [x, y] = [(at % COLUMNS) * WIDTH, Math.floor(at / COLUMNS) * HEIGHT];
    return `<g transform="translate(${x} ${y})">${panel(series)}</g>`;
  });
  const size = `viewBox="0 0 ${COLUMNS * WIDTH} ${rows * HEIGHT}" width="${COLUMNS * WIDTH}" height="${rows * HEIGHT}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11" fill="#222">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function panel({ title, xLabel, yLabel, points }: Series): string {
  const xs = points.map(({ x }) => x);
  const smallest = Math.min(...xs.filter((x) => x > 0));
  const place = (x: number): number => Math.log10(x > 0 ? x : smallest / 10);
  const [fromX, toX] = [place(Math.min(...xs)), place(Math.max(...xs))];
  const ys = points.map(({ y }) => Math.log10(y));
  const [fromY, toY] = [Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys) + 0.01)];
  const px = (x: number): number => round(LEFT + ((place(x) - fromX) / (toX - fromX)) * (WIDTH - LEFT - RIGHT));
  const py = (log: number): number =>
    round(HEIGHT - BOTTOM - ((log - fromY) / (toY - fromY)) * (HEIGHT - TOP - BOTTOM));
  const decades = Array.from({ length: toY - fromY + 1 }, (_, at) => fromY + at);
  const grid = decades.map(
    (log) =>
      `<path d="M${LEFT} ${py(log)}H${WIDTH - RIGHT}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${py(log) + 4}" text-anchor="end">${short(10 ** log)}</text>`,
  );
  const ticks = points.map(
    ({ x }) => `<text x="${px(x)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${short(x)}</text>`,
  );
  const dots = points.map(
    ({ x, y }) =>
      `<circle cx="${px(x)}" cy="${py(Math.log10(y))}" r="3" fill="#0a58ca"/>` +
      `<text x="${px(x)}" y="${py(Math.log10(y)) - 8}" text-anchor="middle" fill="#0a58ca">${short(y)}</text>`,
  );
  const line = points.map(({ x, y }) => `${px(x)},${py(Math.log10(y))}`).join(" ");
  return [
    `<text x="${LEFT}" y="18" font-size="13" font-weight="bold">${title}</text>`,
    ...grid,
    ...ticks,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${xLabel}</text>`,
    `<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${yLabel}</text>`,
    `<polyline points="${line}" fill="none" stroke="#0a58ca" stroke-width="1.5"/>`,
    ...dots,
  ].join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** 1234567 as 1.2M. */
export function short(value: number): string {
  for (const [unit, size] of [
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(value < 10 * size && value % size !== 0 ? 1 : 0)}${unit}`;
  }
  return value.toFixed(value < 10 && value % 1 !== 0 ? 1 : 0);
}
