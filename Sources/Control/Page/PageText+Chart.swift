extension PageText {
    /// The charts.
    static let chart = #"""
        // Charts: one or two lines over the last minutes, drawn as SVG.

        import { make, mark, put } from "./show.js";

        const space = "http://www.w3.org/2000/svg";
        const [width, height] = [600, 120];

        function draw(name, attributes = {}) {
          const element = document.createElementNS(space, name);
          for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
          return element;
        }

        /** The smallest round number that is not less. */
        function round(value) {
          if (!(value > 0)) return 1;
          const power = 10 ** Math.floor(Math.log10(value));
          return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value * 0.999) * power;
        }

        /** A chart in a figure; `series` are { name, show }, the first with its area filled, the second dashed. */
        export class Chart {
          constructor(figure, title, series, { least = 0, most = null } = {}) {
            Object.assign(this, { title, series, least, most, lines: [] });
            this.svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" });
            for (const part of [0, 0.5, 1]) {
              this.svg.append(draw("line", { class: "grid", x1: 0, x2: width, y1: part * height, y2: part * height }));
            }
            this.area = draw("path", { class: "area" });
            this.paths = series.map((one, index) => draw("path", { class: index ? "dashed" : "line" }));
            this.cursor = draw("line", { class: "cursor", y1: 0, y2: height, visibility: "hidden" });
            this.svg.append(this.area, ...this.paths, this.cursor);
            this.values = series.map(() => make("span"));
            this.top = make("span", { class: "most" });
            this.none = make("span", { class: "none" }, "Collecting…");
            this.from = make("span");
            this.to = make("span", {}, "now");
            const plot = make("div", { class: "plot" }, this.svg, this.top, this.none);
            figure.replaceChildren(
              make("figcaption", {}, make("b", {}, title), ...series.map((one, index) =>
                make("span", { class: index ? "key second" : "key" }, `${one.name} `, this.values[index]))),
              plot, make("div", { class: "ends", "aria-hidden": "true" }, this.from, this.to));
            plot.addEventListener("pointermove", (event) => {
              const box = plot.getBoundingClientRect();
              this.look((event.clientX - box.left) / box.width);
            });
            plot.addEventListener("pointerleave", () => this.look(null));
          }

          /** Draws points ([place from 0 to 1, value or null]) of each line, over so many minutes. */
          update(lines, minutes) {
            Object.assign(this, { lines, minutes });
            const values = lines.flat().map(([, value]) => value).filter((value) => value !== null);
            this.scale = this.most ?? round(Math.max(this.least, ...values));
            put(this.top, this.series[0].show(this.scale));
            put(this.from, `−${minutes === 60 ? "1 h" : `${minutes} min`}`);
            this.none.hidden = values.length > 0;
            if (!values.length) put(this.none, lines[0].length ? "No requests" : "Collecting…");
            lines.forEach((points, index) => mark(this.paths[index], "d", this.path(points)));
            mark(this.area, "d", this.path(lines[0], true));
            this.look(this.looking ?? null);
            const peak = Math.max(0, ...lines[0].map(([, value]) => value ?? 0));
            const now = lines.map((points, index) => `${this.series[index].name} ${this.shown(points.at(-1), index)}`);
            mark(this.svg, "aria-label",
              `${this.title}, last ${minutes} minutes: now ${now.join(", ")}; highest ${this.series[0].show(peak)}`);
          }

          path(points, closed = false) {
            let text = "";
            let start = null;
            let last = null;
            const close = () => {
              if (closed && start !== null && last !== null) text += `L${last} ${height}L${start} ${height}Z`;
              start = null;
            };
            for (const [place, value] of points) {
              if (value === null) {
                close();
                continue;
              }
              const x = (place * width).toFixed(1);
              const y = (height - (Math.min(value, this.scale) / this.scale) * height).toFixed(1);
              text += `${start === null ? "M" : "L"}${x} ${y}`;
              start ??= x;
              last = x;
            }
            close();
            return text;
          }

          shown(point, index) {
            const value = point?.[1];
            return value === null || value === undefined ? "–" : this.series[index].show(value);
          }

          /** Shows the values at a place, or those of now. */
          look(place) {
            this.looking = place;
            const at = (points) => (place === null
              ? points.at(-1) : points.reduce((best, point) =>
                (best && Math.abs(best[0] - place) <= Math.abs(point[0] - place) ? best : point), null));
            this.lines.forEach((points, index) => put(this.values[index], this.shown(at(points), index)));
            const found = place === null ? null : at(this.lines[0] ?? []);
            mark(this.cursor, "visibility", found ? "visible" : "hidden");
            if (!found) return put(this.to, "now");
            for (const end of ["x1", "x2"]) mark(this.cursor, end, (found[0] * width).toFixed(1));
            const ago = Math.round((1 - found[0]) * this.minutes * 60);
            put(this.to, ago < 60 ? `${ago} s ago` : `${Math.floor(ago / 60)} min ${String(ago % 60).padStart(2, "0")} s ago`);
          }
        }

        """#
}
