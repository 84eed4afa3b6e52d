extension PageText {
    /// What one session has fetched.
    static let session = #"""
        // One session: what it has fetched, with verdicts and reasons. An active one tells as it goes, of a revoked one
        // there is the report.

        import { clean, count, bytes, clock, age, find, make, mark, put, rows, url } from "./show.js";
        import { live, report } from "./service.js";

        const mostKept = 5000;
        const pageLength = 200;

        const verdicts = {
          approved: ["✓ Approved", "good"], rejected: ["✗ Rejected", "bad"], unknown: ["? Unknown", "plain"],
          open: ["… Open", "warn"], refused: ["⊘ Refused", "bad"], failed: ["! Failed", "warn"],
        };

        const filters = [
          ["all", "All", () => true], ["artifact", "Artifacts", (item) => item.kind === "artifact"],
          ["rejected", "Rejected", (item) => item.verdict === "rejected"],
          ["refusal", "Refused", (item) => item.kind === "refusal"],
          ["failure", "Failed", (item) => item.kind === "failure"],
          ["response", "Other answers", (item) => item.kind === "response"],
        ];

        const opinions = (inspections) => Object.entries(inspections || {}).filter(([, one]) => one && one.opinion);

        /** The reason that says most: of a rejection, else of an approval, else any. */
        function mainReason(...inspections) {
          const all = inspections.flatMap(opinions).map(([, one]) => one).filter((one) => one.reason);
          for (const opinion of ["Rejected", "Approved"]) {
            const found = all.find((one) => one.opinion === opinion);
            if (found) return found.reason;
          }
          return all[0]?.reason ?? "";
        }

        const lines = (title, inspections) =>
          opinions(inspections).map(([id, one]) => [`${title}, ${id}`, `${one.opinion}${one.reason ? `: ${one.reason}` : ""}`]);

        /** An exchange as the record tells it, as a row. */
        function ofExchange(one, kind) {
          const verdict = kind === "artifact" ? (one.result || "open").toLowerCase()
            : kind === "refusal" ? "refused" : kind === "failure" ? "failed" : "";
          return {
            key: `n${one.number}`, number: one.number, kind, verdict, status: one["status-code"], url: one.url,
            size: one.size ?? one.delivered, source: one.source,
            reason: one.reason || mainReason(one["response-inspection"], one["request-inspection"]),
            more: [
              ["Time", one["start-time"] && clock(one["start-time"])], ["Request", `${one.method ?? ""} ${one.url ?? ""}`],
              ["Status", one.status || one["status-code"]], ["Range", one.range], ["Reason", one.reason],
              ["Delivered", one.delivered === undefined ? "" : `${bytes(one.delivered)}${one.truncated ? ", truncated" : ""}`],
              ["SHA-256", one.sha256], ["Client", one.address], ...lines("Request", one["request-inspection"]),
              ...lines("Answer", one["response-inspection"]),
            ],
          };
        }

        /** An artifact of a report, as a row. */
        function ofArtifact(one) {
          const meta = one.metadata || {};
          const first = one.downloads?.[0] || {};
          const uses = one.downloads?.length ?? 0;
          const judged = (one.judgements || []).find((judgement) => judgement.result === one.result);
          const [request, response] = [
            one["request-inspection"], judged?.["response-inspection"] ?? one["response-inspection"]];
          return {
            key: `a${meta.sha256}`, number: first.number, kind: "artifact", verdict: (one.result || "open").toLowerCase(),
            url: first.url, size: meta.size, source: first.source,
            reason: first.reason && one.result === "Rejected" ? first.reason : mainReason(response, request),
            more: [
              ["Name", [meta.name, meta.version, meta.architecture].filter(Boolean).join(" ")], ["Type", meta.type],
              ["License", meta.license], ["Time", first["start-time"] && clock(first["start-time"])],
              ["Request", `${first.method ?? ""} ${first.url ?? ""}`], ["Uses", uses > 1 ? count(uses) : ""],
              ["SHA-256", meta.sha256], ["SHA-1", meta.sha1], ...lines("Request", request), ...lines("Answer", response),
            ],
          };
        }

        export class SessionView {
          constructor(onClose) {
            this.section = find("detail");
            this.filter = "all";
            this.open = new Set();
            find("detail-close").addEventListener("click", onClose);
            this.buttons = filters.map(([name, label]) => make("button", {
              type: "button", onclick: () => {
                this.filter = name;
                this.shown = pageLength;
                this.draw();
              },
            }, `${label} `, make("span", { class: "count" })));
            find("detail-filter").replaceChildren(...this.buttons);
          }

          /** Shows a session; `summary` is what the list says of it, if it is there. */
          select(id, summary) {
            this.stop();
            Object.assign(this, {
              id, summary, items: [], dropped: 0, shown: pageLength, state: "", totals: null, note: "", isLoading: true,
              isReport: false, isTried: false,
            });
            this.open.clear();
            this.section.hidden = false;
            // The newest stands first as long as more may come.
            if ((summary?.state ?? "") === "revoked") this.load();
            else this.listen();
            this.draw();
          }

          stop() {
            this.events?.close();
            this.loading?.abort();
            this.events = this.loading = null;
          }

          close() {
            this.stop();
            this.id = null;
            this.section.hidden = true;
          }

          /** The list knows more now. */
          update(summary, isListed) {
            if (!this.id) return;
            if (summary) this.summary = summary;
            if (!summary && isListed && this.state !== "gone") {
              this.state = "gone";
              this.events?.close();
              this.note ||= "This session has ended; its record is gone, and what stands here will not come back.";
              this.draw();
            } else if (summary?.state === "revoked" && !this.isTried) {
              this.load();
            } else {
              this.drawHead();
            }
          }

          listen() {
            const events = live(this.id);
            this.events = events;
            events.addEventListener("open", () => {
              this.isLoading = false;
              this.note = "";
              this.later();
            });
            events.addEventListener("exchange", (event) => {
              const one = JSON.parse(event.data);
              this.items.unshift(ofExchange(one, one.category));
              if (this.items.length > mostKept) this.dropped += this.items.splice(mostKept).length;
              this.later();
            });
            events.addEventListener("state", (event) => {
              this.state = JSON.parse(event.data).state;
              if (this.state === "revoked") this.load();
              this.later();
            });
            events.addEventListener("end", () => {
              events.close();
              this.state = "gone";
              this.note = "This session has ended; its record is gone, and what stands here will not come back.";
              this.later();
            });
            events.addEventListener("error", () => {
              if (this.events !== events) return;
              if (events.readyState === EventSource.CLOSED) {
                // Refused, so that it is revoked already, or the service does not tell of active sessions.
                this.load("This service does not tell what an active session does; its report comes when its token is revoked.");
              } else {
                this.note = "The connection was lost; trying again.";
                this.later();
              }
            });
          }

          async load(otherwise = "") {
            this.events?.close();
            this.events = null;
            const loading = new AbortController();
            this.loading?.abort();
            this.loading = loading;
            this.isTried = !otherwise;
            this.isLoading = !this.items.length;
            this.draw();
            try {
              const found = await report(this.id, loading.signal);
              this.items = [
                ...(found.artifacts || []).map(ofArtifact),
                ...(found["refused-requests"] || []).map((one) => ofExchange(one, "refusal")),
                ...(found["failed-transfers"] || []).map((one) => ofExchange(one, "failure")),
                ...(found.responses || []).map((one) => ofExchange(one, "response")),
              ].sort((left, right) => (left.number ?? 0) - (right.number ?? 0));
              this.dropped = 0;
              this.isReport = true;
              this.state = "revoked";
              this.totals = found.totals;
              this.summary = { ...found, ...this.summary, "end-time": found["end-time"] };
              const gaps = (found.incomplete || []).map((gap) => [gap.url || gap.sha256, gap.reason || gap].filter(Boolean).join(": "));
              this.note = gaps.length
                ? `The record is not complete: ${gaps.slice(0, 5).map(clean).join("; ")}${gaps.length > 5 ? "; …" : ""}` : "";
            } catch (error) {
              if (loading.signal.aborted) return;
              if (error.status === 404) {
                this.state = "gone";
                this.note = "There is no such session any more.";
              } else {
                this.note = error.status === 400 && otherwise ? otherwise : `The report cannot be had: ${clean(error.message)}`;
              }
            } finally {
              if (this.loading === loading) {
                this.loading = null;
                this.isLoading = false;
                this.draw();
              }
            }
          }

          /** Draws once for all that comes in one frame. */
          later() {
            if (this.isDrawing) return;
            this.isDrawing = true;
            requestAnimationFrame(() => {
              this.isDrawing = false;
              if (this.id) this.draw();
            });
          }

          drawHead() {
            const one = this.summary || {};
            const state = this.state || one.state || "active";
            put(find("detail-title"), clean(one.name || `Session ${this.id}`));
            const [text, kind] = { active: ["Active", "good"], revoked: ["Revoked", "wait"], gone: ["Ended", "warn"] }[state] ?? [state, "wait"];
            mark(put(find("detail-state"), text), "data-state", kind);
            const totals = this.totals || one.totals || one;
            const labels = Object.entries(one.labels || {}).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`);
            const pairs = [
              ["Id", this.id], ["Policy", one.policy], ["Started", one["start-time"] && clock(one["start-time"])],
              ["Revoked", one["end-time"] && clock(one["end-time"])],
              ["Age", one.age === undefined || state !== "active" ? null : `${age(one.age)} of ${age(one.timeout)}`],
              ["Requests", totals.exchanges === undefined ? null : count(totals.exchanges)],
              ["Delivered", totals.delivered === undefined ? null : bytes(totals.delivered)],
              ["Labels", labels.join(", ") || null],
            ].filter(([, value]) => value);
            const list = find("detail-facts");
            rows(list, pairs, ([name]) => name, ([name]) => make("div", {}, make("dt", {}, name), make("dd")),
              (row, [name, value]) => {
                put(row.lastChild, clean(value));
                mark(row.lastChild, "class", name === "Id" ? "mono" : null);
              });
          }

          draw() {
            this.drawHead();
            const note = [this.note, this.dropped ? `The oldest ${count(this.dropped)} are not listed; the report will have them.` : ""];
            put(find("detail-note"), note.filter(Boolean).join("\n")).hidden = !note.some(Boolean);
            filters.forEach(([name, , fits], index) => {
              mark(this.buttons[index], "aria-pressed", name === this.filter);
              put(this.buttons[index].lastChild, count(this.items.filter(fits).length));
            });
            const fits = filters.find(([name]) => name === this.filter)[2];
            const wanted = this.items.filter(fits);
            rows(find("detail-rows"), wanted.slice(0, this.shown), (item) => item.key, () => this.begin(), (row, item) => this.fill(row, item));
            const empty = find("detail-empty");
            if (wanted.length > this.shown) {
              if (!empty.querySelector("button")) {
                empty.replaceChildren(make("button", { type: "button", onclick: () => {
                  this.shown += pageLength;
                  this.draw();
                } }));
              }
              put(empty.firstChild, `Show ${count(Math.min(pageLength, wanted.length - this.shown))} more of ${count(wanted.length)}`);
              empty.hidden = false;
            } else {
              put(empty, this.isLoading ? "Loading…" : this.items.length ? "None of these." : "Nothing was fetched yet.");
              empty.hidden = wanted.length > 0;
            }
            mark(this.section, "aria-busy", this.isLoading);
          }

          begin() {
            const more = make("div", { class: "more", hidden: true });
            const button = make("button", { type: "button", class: "expand", "aria-expanded": "false" });
            // On narrow screens rows are no table to the browser any more, hence the roles.
            const cell = (kind, ...content) => make("td", { class: kind, role: "cell" }, ...content);
            const row = make("tr", { role: "row" }, cell("number wide muted"), cell(null, make("span", { class: "verdict" })),
              cell(null, button, more), cell("number"), cell("wide muted"), cell("clip"));
            button.addEventListener("click", () => {
              const key = row.dataset.key;
              if (!this.open.delete(key)) this.open.add(key);
              this.fill(row, row.item);
            });
            return row;
          }

          fill(row, item) {
            const isOpen = this.open.has(item.key);
            const [number, verdict, what, size, source, reason] = row.children;
            const [button, more] = what.children;
            if (row.item !== item) {
              row.item = item;
              put(number, item.number ?? "");
              const [text, state] = verdicts[item.verdict] ?? [item.status ? `${item.status}` : "–", "plain"];
              mark(put(verdict.firstChild, text), "data-state", state);
              button.replaceChildren(url(item.url, false));
              put(size, item.size === undefined ? "–" : bytes(item.size));
              put(source, { network: "origin", none: "" }[item.source] ?? item.source ?? "");
              put(reason, clean(item.reason));
              mark(reason, "title", item.reason ? clean(item.reason) : null);
            }
            mark(button, "aria-expanded", isOpen);
            mark(reason, "class", isOpen ? "wrap" : "clip");
            more.hidden = !isOpen;
            if (isOpen && more.item !== item) {
              more.item = item;
              more.replaceChildren(...item.more.filter(([, value]) => value).map(([name, value]) =>
                make("div", {}, make("b", {}, name), ` ${clean(value)}`)));
            }
          }
        }

        """#
}
