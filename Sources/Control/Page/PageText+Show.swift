extension PageText {
    /// Elements, texts and tables.
    static let show = #"""
        // Elements and texts. Whatever comes from outside becomes a text node, and nothing else.

        export const find = (id) => document.getElementById(id);

        const harmful = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

        /** Text from outside, without what steers terminals or turns writing round; as the service's log has it. */
        export const clean = (text) =>
          String(text ?? "").replace(harmful, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

        /** Makes an element: attributes, then children (elements, or texts that become text nodes). */
        export function make(name, attributes = {}, ...children) {
          const element = document.createElement(name);
          for (const [key, value] of Object.entries(attributes)) {
            if (value === undefined || value === null || value === false) continue;
            if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
            else element.setAttribute(key, value === true ? "" : value);
          }
          element.append(...children.filter((child) => child !== null && child !== undefined));
          return element;
        }

        /** Sets a text, and touches the page only when it is another one. */
        export function put(element, text) {
          const wanted = String(text ?? "");
          if (element.textContent !== wanted) element.textContent = wanted;
          return element;
        }

        /** Sets an attribute only when it is another one. */
        export function mark(element, name, value) {
          if (value === null || value === undefined || value === false) element.removeAttribute(name);
          else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
          return element;
        }

        /**
         * Brings the rows of a table in line with items, keeping the row of an item that stays, and with it the focus.
         * `begin(item)` makes a row, `update(row, item)` fills it.
         */
        export function rows(body, items, key, begin, update) {
          const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
          let place = body.firstElementChild;
          for (const item of items) {
            const name = key(item);
            let row = known.get(name);
            if (row) {
              known.delete(name);
            } else {
              row = begin(item);
              row.dataset.key = name;
            }
            update(row, item);
            if (row === place) place = place.nextElementSibling;
            else body.insertBefore(row, place);
          }
          for (const row of known.values()) row.remove();
        }

        /** Pairs of a name and a text, as a list of facts. */
        export function facts(list, pairs) {
          const wanted = pairs.filter(([, value]) => value !== null && value !== undefined);
          if (list.childElementCount !== wanted.length * 2) {
            list.replaceChildren(...wanted.flatMap(([name]) => [make("dt", {}, name), make("dd")]));
          }
          wanted.forEach(([name, value], index) => {
            put(list.children[index * 2], name);
            put(list.children[index * 2 + 1], value);
          });
        }

        /** A URL that is cut in its middle, since its end says most; all of it when it is open or has the focus. */
        export function url(text, focusable = true) {
          const whole = clean(text);
          const slash = whole.lastIndexOf("/", whole.length - 2);
          const cut = slash > 7 ? slash : 0;
          return make("span", { class: "url", title: whole, tabindex: focusable ? 0 : null },
            make("bdi", { class: "head" }, whole.slice(0, cut)), make("bdi", { class: "tail" }, whole.slice(cut)));
        }

        // MARK: Quantities

        const thin = "\u202f";

        /** Three digits that matter. */
        export function digits(value) {
          if (value >= 99.95 || value === 0) return Math.round(value).toLocaleString("en").replaceAll(",", thin);
          return value.toFixed(value >= 9.995 ? 1 : 2);
        }

        function scaled(value, units, base) {
          let index = 0;
          let rest = value;
          while (rest >= base * 0.9995 && index < units.length - 1) {
            rest /= base;
            index += 1;
          }
          return [index === 0 ? digits(Math.round(rest)) : digits(rest), units[index]];
        }

        export const byteParts = (bytes) => scaled(bytes, ["B", "kB", "MB", "GB", "TB", "PB"], 1000);
        export const bytes = (value) => byteParts(value).join(thin);
        export const rateParts = (value) => {
          const [number, unit] = byteParts(value);
          return [number, `${unit}/s`];
        };
        export const rate = (value) => rateParts(value).join(thin);
        export const percent = (share) =>
          share === null ? "–" : `${share > 0.9995 || share === 0 ? Math.round(share * 100) : (share * 100).toFixed(1)}${thin}%`;
        export const count = (value) => Math.round(value).toLocaleString("en").replaceAll(",", thin);
        export const perSecond = (value) => (value === null ? "–" : `${value && value < 0.995 ? value.toFixed(2) : digits(value)}${thin}/s`);

        /** A short duration, from microseconds to hours. */
        export function time(seconds) {
          if (seconds === null || seconds === undefined) return "–";
          if (seconds < 0.001) return `${digits(seconds * 1e6)}${thin}µs`;
          if (seconds < 1) return `${digits(seconds * 1e3)}${thin}ms`;
          if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)}${thin}s`;
          return age(seconds);
        }

        /** Whole seconds, the two largest units of them; it stays in one line. */
        export function age(seconds) {
          const whole = Math.max(0, Math.floor(seconds));
          const two = (number) => String(number).padStart(2, "0");
          if (whole < 60) return `${whole}${thin}s`;
          if (whole < 3600) return `${Math.floor(whole / 60)}${thin}min\u00a0${two(whole % 60)}${thin}s`;
          if (whole < 86400) return `${Math.floor(whole / 3600)}${thin}h\u00a0${two(Math.floor((whole % 3600) / 60))}${thin}min`;
          return `${Math.floor(whole / 86400)}${thin}d\u00a0${two(Math.floor((whole % 86400) / 3600))}${thin}h`;
        }

        /** A time of day, with the day when that is another one. */
        export function clock(text) {
          const moment = new Date(text);
          if (Number.isNaN(moment.getTime())) return clean(text);
          const day = moment.toDateString() === new Date().toDateString() ? "" : `${moment.toLocaleDateString("sv")} `;
          return day + moment.toLocaleTimeString("en-GB");
        }

        /** A quantity's number and its unit. */
        export function parts(text) {
          const cut = text.lastIndexOf(thin);
          return cut < 0 ? [text, ""] : [text.slice(0, cut), text.slice(cut + 1)];
        }

        /** A number with its unit set smaller. */
        export function big(element, [number, unit]) {
          const wanted = `${number}${unit}`;
          if (element.textContent === wanted) return;
          element.replaceChildren(number, ...(unit ? [make("span", { class: "unit" }, unit)] : []));
        }

        """#
}
