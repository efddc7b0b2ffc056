// Read a histogram log with HdrHistogram's implementation for JavaScript and print what it holds as JSON.
import { readFileSync } from "node:fs";
import hdr from "hdr-histogram-js";

function describe(histogram) {
  const counts = [];
  const values = histogram.recordedValuesIterator;
  values.reset();
  while (values.hasNext()) {
    const { valueIteratedTo, countAtValueIteratedTo } = values.next();
    counts.push([valueIteratedTo, countAtValueIteratedTo]);
  }
  const percentiles = Object.fromEntries(
    ["50", "75", "90", "99", "99.9"].map((name) => [name, histogram.getValueAtPercentile(Number(name))]));
  return { n: histogram.totalCount, max: histogram.maxValue, mean: histogram.mean, percentiles, counts };
}

const intervals = [];
const totals = {};
const reader = new hdr.HistogramLogReader(readFileSync(process.argv[2], "utf8"), 64);
for (let one = reader.nextIntervalHistogram(); one !== null; one = reader.nextIntervalHistogram()) {
  const { tag, startTimeStampMsec, endTimeStampMsec } = one;
  intervals.push({ tag, start_ms: startTimeStampMsec, end_ms: endTimeStampMsec, ...describe(one) });
  totals[tag] ??= hdr.build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
  totals[tag].add(one);
}
const added = Object.fromEntries(Object.entries(totals).map(([tag, all]) => [tag, describe(all)]));
console.log(JSON.stringify({ intervals, totals: added }));
