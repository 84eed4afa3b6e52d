extension PageText {
    /// What keeps the page up to date.
    static let app = #"""
        // The page: asks the service every few seconds and shows what it says.

        import { Chart } from "./chart.js";
        import { answered, History, Numbers, quantile } from "./numbers.js";
        import { problems, sessions, text, transfers } from "./service.js";
        import { SessionView } from "./session.js";
        import {
          age, big, byteParts, bytes, clean, count, facts, find, make, mark, parts, percent, perSecond, put, rate, rateParts,
          rows, time, url,
        } from "./show.js";

        const period = 2000;
        const hiddenPeriod = 15_000;
        const slowest = 10_000;

        const history = new History();
        const state = { minutes: 10, sessions: [], more: false, transfers: new Map(), failures: 0, updated: 0 };

        const charts = {
          bytes: new Chart(find("chart-bytes"), "Throughput",
            [{ name: "to clients", show: rate }, { name: "from origins", show: rate }], { least: 1000 }),
          hits: new Chart(find("chart-hits"), "Hit rate", [{ name: "of requests", show: percent }], { most: 1 }),
          requests: new Chart(find("chart-requests"), "Requests",
            [{ name: "answered", show: perSecond }, { name: "refused or failed", show: perSecond }], { least: 1 }),
        };

        const selected = () => new URLSearchParams(location.hash.slice(1)).get("session");
        const view = new SessionView(() => {
          const before = selected();
          window.history.replaceState(null, "", location.pathname);
          follow();
          document.querySelector(`[data-key="${CSS.escape(before ?? "")}"] button`)?.focus();
        });

        // MARK: Numbers

        function showTiles(numbers) {
          const window = 10_000;
          const [out, from] = [history.rate("out", window), history.rate("in", window)];
          big(find("tile-out"), out === null ? ["–", ""] : rateParts(out));
          put(find("tile-out-more"), `${bytes(history.last.out)} in all`);
          big(find("tile-in"), from === null ? ["–", ""] : rateParts(from));
          put(find("tile-in-more"), `${bytes(history.last.in)} in all`);
          const share = history.share("spared", "answered", 60_000);
          big(find("tile-hits"), parts(percent(share)));
          const all = history.last.answered ? history.last.spared / history.last.answered : null;
          put(find("tile-hits-more"), all === null ? "no answers yet" : `${share === null ? "none in the last minute, " : ""}${percent(all)} in all`);
          const requests = history.rate("requests", window);
          big(find("tile-requests"), parts(perSecond(requests)));
          put(find("tile-requests-more"),
            `${count(numbers.get("requests_open"))} open, ${count(history.last.requests)} in all`);
          const live = numbers.get("sessions", "policy", "strict") + numbers.get("sessions", "policy", "permissive");
          big(find("tile-sessions"), [count(live), ""]);
          put(find("tile-sessions-more"),
            `${count(numbers.get("sessions", "policy", "strict"))} strict, ${count(numbers.get("sessions_opened_total"))} opened`);
          const [used, limit] = [numbers.get("cache_bytes"), numbers.get("cache_limit_bytes")];
          big(find("tile-cache"), byteParts(used));
          put(find("tile-cache-more"), `${limit ? percent(used / limit) : "–"} of ${bytes(limit)}`);
        }

        function showCharts() {
          const { minutes } = state;
          const pieces = minutes === 10 ? 120 : 180;
          const per = (name) => history.points(minutes, pieces, (a, b, seconds) => Math.max(0, b[name] - a[name]) / seconds);
          charts.bytes.update([per("out"), per("in")], minutes);
          charts.hits.update([history.points(minutes, pieces, (a, b) =>
            (b.answered > a.answered ? (b.spared - a.spared) / (b.answered - a.answered) : null))], minutes);
          charts.requests.update([per("requests"), per("wrong")], minutes);
        }

        function showInside(numbers) {
          facts(find("inside-cache"), [
            ["On the disk", `${bytes(numbers.get("cache_bytes"))} of ${bytes(numbers.get("cache_limit_bytes"))}`],
            ["Before compression", bytes(numbers.get("cache_content_bytes"))],
            ["Bodies", count(numbers.get("cache_blobs"))], ["Answers", count(numbers.get("cache_responses"))],
            ["Evicted", `${count(numbers.get("evicted_blobs_total"))}, ${bytes(numbers.get("evicted_bytes_total"))}`],
            ["Room on the disk", bytes(numbers.get("disk_free_bytes"))],
            ["In memory", bytes(numbers.get("cache_memory_bytes", "of", "heads") + numbers.get("cache_memory_bytes", "of", "bodies"))],
            ["Found damaged", count(numbers.get("damaged_bodies_total") + numbers.get("compared_blobs_total", "result", "damaged"))],
          ]);
          facts(find("inside-record"), [
            ["Exchanges recorded", count(numbers.sum("record_rows_total", "way", ["journal", "commit"]))],
            ["Waiting", numbers.get("record_waiting_seconds") ? time(numbers.get("record_waiting_seconds")) : "nothing"],
            ["In the journal", `${count(numbers.get("journal_rows"))}, ${bytes(numbers.get("journal_bytes"))}`],
            ["Failed commits", count(numbers.get("record_failures_total") + numbers.get("journal_failures_total"))],
          ]);
          facts(find("inside-process"), [
            ["Processor", percent(history.rate("processor", 10_000))],
            ["Memory", bytes(numbers.get("process_resident_memory_bytes"))],
            ["Descriptors", `${count(numbers.get("process_open_fds"))} of ${count(numbers.get("process_max_fds"))}`],
            ["Connections", `${count(numbers.get("connections_open"))}, ${count(numbers.get("connections_unauthenticated"))} without a session`],
            ["To origins", `${count(numbers.get("origin_connections", "state", "active"))} in use, ${count(numbers.get("origin_connections", "state", "idle"))} idle`],
            ["Downloads", `${count(numbers.get("fills_open"))} open, ${count(numbers.get("fills_resumed_total"))} resumed`],
          ]);
          const before = history.marks[0];
          rows(find("latency-rows"), answered.filter((name) => numbers.get("requests_total", "outcome", name) > 0).map((name) => ({
            name, buckets: [before === numbers ? [] : before.buckets("first_byte_seconds", "outcome", name), numbers.buckets("first_byte_seconds", "outcome", name)],
          })), (one) => one.name,
          (one) => make("tr", {}, make("td", {}, one.name), ...[0, 1, 2].map(() => make("td", { class: "number" }))),
          (row, one) => {
            const [then, now] = one.buckets.map((buckets) => buckets.at(-1)?.[1] ?? 0);
            put(row.children[1], count(now - then));
            put(row.children[2], time(quantile(0.5, ...one.buckets)));
            put(row.children[3], time(quantile(0.95, ...one.buckets)));
          });
          const wrong = numbers.each("errors_total").filter(([, number]) => number > 0).sort((a, b) => b[1] - a[1]);
          rows(find("errors-rows"), wrong, ([name]) => name,
            ([name]) => make("tr", {}, make("td", { class: "wrap" }, name.replaceAll("_", " ")), make("td", { class: "number" })),
            (row, [, number]) => put(row.children[1], count(number)));
          find("errors-empty").hidden = wrong.length > 0;
          rows(find("queues-rows"), numbers.each("queue_waiting"), ([name]) => name,
            ([name]) => make("tr", {}, make("td", {}, name), ...[0, 1, 2].map(() => make("td", { class: "number" }))),
            (row, [name, waiting]) => {
              put(row.children[1], count(numbers.get("queue_running", "queue", name)));
              put(row.children[2], count(waiting));
              put(row.children[3], count(numbers.get("queue_refused_total", "queue", name)));
            });
        }

        // MARK: Tables

        const totals = (one) => one.totals || one;
        const ident = (one) => one["session-id"];

        function showSessions() {
          const wanted = find("sessions-filter").value.trim().toLowerCase();
          const fits = (one) => !wanted || [one.name, ident(one), JSON.stringify(one.labels || "")].some((text) => (text || "").toLowerCase().includes(wanted));
          const list = state.sessions.filter(fits).reverse();
          const chosen = selected();
          rows(find("sessions-rows"), list, ident, (one) => {
            const button = make("button", { type: "button", class: "link", onclick: () => { location.hash = `session=${ident(one)}`; } },
              make("bdi"), make("span", { class: "id mono" }));
            return make("tr", {}, make("td", {}, button, make("span", { class: "narrow" })), make("td", { class: "wide" }),
              make("td", { class: "number wide" }), make("td", { class: "number" }), make("td", { class: "number wide" }),
              make("td", { class: "number" }));
          }, (row, one) => {
            const [first, policy, old, requests, refused, delivered] = row.children;
            const button = first.firstChild;
            const short = ident(one).slice(0, 12);
            put(button.firstChild, clean(one.name || short));
            put(button.lastChild, one.name ? short : "");
            mark(button, "title", ident(one));
            mark(button.firstChild, "class", one.name ? null : "mono");
            mark(button, "aria-current", ident(one) === chosen ? "true" : null);
            mark(row, "class", ident(one) === chosen ? "selected" : null);
            put(policy, one.state === "revoked" ? "revoked" : one.policy);
            put(old, age(one.age ?? 0));
            put(first.lastChild, `${policy.textContent}, ${old.textContent}`);
            put(requests, count(totals(one).exchanges ?? 0));
            put(refused, totals(one)["refused-requests"] === undefined ? "–" : count(totals(one)["refused-requests"]));
            put(delivered, bytes(totals(one).delivered ?? 0));
          });
          put(find("sessions-count"), state.sessions.length ? `${count(state.sessions.length)}${state.more ? "+" : ""}` : "");
          const empty = find("sessions-empty");
          put(empty, state.sessions.length ? "No session is called so." : "No session is open.");
          empty.hidden = list.length > 0;
          const summary = state.sessions.find((one) => ident(one) === chosen);
          view.update(summary, !state.more);
        }

        const key = (one) => `${ident(one)} ${one["start-time"]} ${one.method} ${one.url}`;
        const source = { network: "origin", none: "" };

        function showTransfers(found, now) {
          const empty = find("transfers-empty");
          const list = found?.transfers ?? [];
          const names = new Map(state.sessions.map((one) => [ident(one), one.name || ident(one).slice(0, 12)]));
          // Two that are the same in all of these are told apart by their places.
          const seen = new Map();
          for (const one of list) {
            const times = (seen.get(key(one)) ?? 0) + 1;
            seen.set(key(one), times);
            one.key = `${key(one)} ${times}`;
          }
          const before = state.transfers;
          state.transfers = new Map(list.map((one) => [one.key, { delivered: one.delivered, time: now }]));
          rows(find("transfers-rows"), list.slice(0, 200), (one) => one.key, (one) => make("tr", {},
            make("td", {}, url(one.url), make("span", { class: "muted" })), make("td", { class: "wide clip" }),
            make("td", { class: "number" }, make("span"), make("progress", { max: 1, "aria-label": "Delivered" })),
            make("td", { class: "number wide" })),
          (row, one) => {
            const [what, session, progress, speed] = row.children;
            const started = (Date.now() - Date.parse(one["start-time"])) / 1000;
            put(what.lastChild, [one.method === "GET" ? "" : clean(one.method), source[one.source] ?? one.source, one.stage, age(started)]
              .filter(Boolean).join(" · "));
            const name = clean(names.get(ident(one)) ?? ident(one));
            mark(put(session, name), "title", name);
            put(progress.firstChild, one.size ? `${bytes(one.delivered)} of ${bytes(one.size)}` : bytes(one.delivered));
            const bar = progress.lastChild;
            mark(bar, "class", one.size ? null : "none");
            if (one.size) bar.value = one.delivered / one.size;
            const last = before.get(one.key);
            put(speed, last && now > last.time ? rate(Math.max(0, one.delivered - last.delivered) / ((now - last.time) / 1000)) : "–");
          });
          put(find("transfers-count"), list.length ? `${count(list.length)}${found.truncated ? "+" : ""}` : "");
          put(empty, found ? "Nothing is under way." : "This service does not list transfers.");
          empty.hidden = list.length > 0;
        }

        /** Shows the session that the address names. */
        function follow() {
          const id = selected();
          if (id === (view.id ?? null)) return;
          if (!id) {
            view.close();
          } else {
            view.select(id, state.sessions.find((one) => ident(one) === id));
            put(find("tell"), "The session is shown below the lists.");
            find("detail").scrollIntoView({
              block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
            });
            find("detail-title").focus({ preventScroll: true });
          }
          showSessions();
        }

        // MARK: How the service is

        function showHealth(reasons, lost) {
          const banner = find("banner");
          const told = lost ? `${lost} What stands here is of ${state.updated ? new Date(state.updated).toLocaleTimeString("en-GB") : "no time"}.`
            : reasons.length ? `The service is not ready:\n${reasons.map(clean).join("\n")}` : "";
          if (banner.textContent !== told) banner.textContent = told;
          banner.hidden = !told;
          mark(banner, "data-state", lost ? "warn" : null);
          const [word, kind] = lost ? ["Connection lost", "warn"] : reasons.length ? ["Not ready", "bad"] : ["Ready", "good"];
          mark(put(find("health"), word), "data-state", kind);
          find("main").classList.toggle("stale", Boolean(lost));
          document.title = `${lost || reasons.length ? `${word} – ` : ""}fetch-service`;
        }

        function explain(error) {
          if (error.status === 401) return "The service does not accept the credentials any more: load the page again.";
          if (error.status === 403) return `The service refuses: ${clean(error.message)}.`;
          if (error.status) return `The service answered ${error.status}.`;
          return "The service does not answer.";
        }

        async function look() {
          const now = Date.now();
          const [metrics, found, open, reasons] = await Promise.all([text("/metrics"), sessions(), transfers(), problems()]);
          const numbers = new Numbers(metrics, now);
          history.add(numbers);
          Object.assign(state, { sessions: found.sessions, more: found.more, updated: now, failures: 0 });
          put(find("version"), clean(numbers.info("build_info")));
          put(find("uptime"), `up ${age(now / 1000 - numbers.get("process_start_time_seconds"))}`);
          showTiles(numbers);
          showCharts();
          showInside(numbers);
          showTransfers(open, now);
          showSessions();
          showHealth(reasons, "");
          mark(find("main"), "aria-busy", null);
        }

        async function go() {
          state.timer = 0;
          try {
            await look();
          } catch (error) {
            state.failures += 1;
            showHealth([], explain(error));
          }
          put(find("updated"), state.updated ? `updated ${new Date(state.updated).toLocaleTimeString("en-GB")}` : "");
          const pause = document.hidden ? hiddenPeriod : Math.min(slowest, period * Math.max(1, state.failures));
          state.timer = setTimeout(go, pause);
        }

        for (const button of find("range").children) {
          button.addEventListener("click", () => {
            state.minutes = Number(button.dataset.minutes);
            for (const one of find("range").children) mark(one, "aria-pressed", one === button);
            if (history.last) showCharts();
          });
        }
        find("sessions-filter").addEventListener("input", showSessions);
        addEventListener("hashchange", follow);
        document.addEventListener("visibilitychange", () => {
          if (document.hidden || !state.timer) return;
          clearTimeout(state.timer);
          go();
        });
        await go();
        follow();

        """#
}
