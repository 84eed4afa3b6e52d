extension PageText {
    /// Reading metrics, rates, and quantiles.
    static let numbers = #"""
        // Numbers: reading those of Prometheus, and what becomes of them over time.

        const prefix = "fetch_service_";

        /** The numbers of /metrics: get("name") or get("name", "label value", …). */
        export class Numbers {
          constructor(text, time) {
            this.time = time;
            this.values = new Map();
            this.labels = new Map();
            for (const line of text.split("\n")) {
              if (!line || line[0] === "#") continue;
              const blank = line.lastIndexOf(" ");
              const name = line.slice(0, blank);
              this.values.set(name, Number(line.slice(blank + 1)));
              const brace = name.indexOf("{");
              if (brace < 0) continue;
              const family = name.slice(0, brace);
              if (family.endsWith("_bucket")) {
                const [, own, bound] = name.match(/\{(.*?),?le="([^"]*)"\}/) || [];
                const key = `${family.slice(0, -7)}{${own}}`;
                if (!this.labels.has(key)) this.labels.set(key, []);
                this.labels.get(key).push([bound === "+Inf" ? Infinity : Number(bound), this.values.get(name)]);
              } else {
                if (!this.labels.has(family)) this.labels.set(family, []);
                this.labels.get(family).push([name.slice(brace), this.values.get(name)]);
              }
            }
          }

          static full = (name) => (name.startsWith("process_") ? name : prefix + name);

          get(name, label, value) {
            const full = Numbers.full(name);
            return this.values.get(label ? `${full}{${label}="${value}"}` : full) ?? 0;
          }

          /** Each value of the only label of a metric, with its number. */
          each(name) {
            const found = this.labels.get(Numbers.full(name)) || [];
            return found.map(([labels, value]) => [labels.match(/"([^"]*)"/)?.[1] ?? "", value]);
          }

          sum(name, label, values) { return values.reduce((sum, value) => sum + this.get(name, label, value), 0); }

          /** The buckets of a histogram, each with its upper bound in seconds and all that is not longer. */
          buckets(name, label, value) {
            return this.labels.get(`${Numbers.full(name)}{${label}="${value}"}`) || [];
          }

          /** The only label of a metric that always is 1. */
          info(name) { return this.each(name)[0]?.[0] ?? ""; }
        }

        export const answered = ["hit", "revalidated", "stale", "joined", "miss", "private"];
        export const spared = ["hit", "revalidated", "stale", "joined"];
        export const outcomes = [...answered, "refused", "error", "aborted"];

        /** What the charts and tiles are made of, at one time. */
        export const sample = (numbers) => ({
          time: numbers.time,
          start: numbers.get("process_start_time_seconds"),
          out: numbers.each("sent_bytes_total").reduce((sum, [, value]) => sum + value, 0),
          outCached: numbers.sum("sent_bytes_total", "source", ["cache", "joined", "revalidated"]),
          in: numbers.get("received_bytes_total"),
          spared: numbers.sum("requests_total", "outcome", spared),
          answered: numbers.sum("requests_total", "outcome", answered),
          requests: numbers.each("requests_total").reduce((sum, [, value]) => sum + value, 0),
          wrong: numbers.sum("requests_total", "outcome", ["refused", "error"]),
          processor: numbers.get("process_cpu_seconds_total"),
        });

        const kept = 61 * 60_000;

        /** Samples of the last hour; those of an earlier run of the service are gone with it. */
        export class History {
          samples = [];
          marks = [];

          add(numbers) {
            const next = sample(numbers);
            const last = this.samples.at(-1);
            if (last && last.start !== next.start) {
              this.samples = [];
              this.marks = [];
            }
            this.samples.push(next);
            if (!this.marks.length || numbers.time - this.marks.at(-1).time >= 60_000) this.marks.push(numbers);
            const limit = numbers.time - kept;
            while (this.samples.length > 2 && this.samples[0].time < limit) this.samples.shift();
            while (this.marks.length > 1 && this.marks[0].time < numbers.time - 10.5 * 60_000) this.marks.shift();
          }

          get last() { return this.samples.at(-1); }

          /** The sample that is so long before the last one, or the oldest. */
          before(milliseconds) {
            const limit = (this.last?.time ?? 0) - milliseconds;
            let found = this.samples[0];
            for (let index = this.samples.length - 1; index >= 0; index -= 1) {
              found = this.samples[index];
              if (found.time <= limit) break;
            }
            return found;
          }

          /** How fast something has grown in the last so many milliseconds, a second. */
          rate(name, milliseconds) {
            const [from, to] = [this.before(milliseconds), this.last];
            if (!from || to.time <= from.time) return null;
            return Math.max(0, to[name] - from[name]) / ((to.time - from.time) / 1000);
          }

          /** A share of what came in the last so many milliseconds; null when nothing came. */
          share(part, whole, milliseconds) {
            const [from, to] = [this.before(milliseconds), this.last];
            const all = from ? to[whole] - from[whole] : 0;
            return all > 0 ? (to[part] - from[part]) / all : null;
          }

          /** Points of a line: for each of `count` pieces of the last minutes, what `of` makes of its ends. */
          points(minutes, count, of) {
            const end = this.last?.time ?? 0;
            const width = (minutes * 60_000) / count;
            const points = [];
            let index = 0;
            // What stood at the beginning of a piece is the newest sample before it.
            const at = (time) => {
              while (index + 1 < this.samples.length && this.samples[index + 1].time <= time) index += 1;
              return this.samples[index];
            };
            for (let piece = 0; piece < count; piece += 1) {
              const from = end - minutes * 60_000 + piece * width;
              const first = this.samples[0];
              if (!first || first.time > from + width / 2) continue;
              const [a, b] = [at(from), at(from + width)];
              if (b.time > a.time) points.push([(piece + 1) / count, of(a, b, (b.time - a.time) / 1000)]);
            }
            return points;
          }
        }

        /** The duration in seconds that so large a share of a histogram's growth does not exceed; null when it did not grow. */
        export function quantile(share, before, after) {
          const grown = after.map(([bound, count], index) => [bound, count - (before[index]?.[1] ?? 0)]);
          const all = grown.at(-1)?.[1] ?? 0;
          if (!all) return null;
          let [low, under] = [0, 0];
          for (const [bound, count] of grown) {
            if (count >= share * all) {
              if (bound === Infinity) return low;
              return count === under ? bound : low + (bound - low) * ((share * all - under) / (count - under));
            }
            [low, under] = [bound, count];
          }
          return low;
        }

        """#
}
