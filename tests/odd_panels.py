"""Small panels with everything a real one may hold, and each of their loans as plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

START = pd.Period("2024-01", freq="M")
LAST = 8  # months after START that are seen


@st.composite
def odd_panels(draw, *, most_loans=9):
    """Loans that end in month 0, have gaps, enter late, cure in the last month, or just stop."""
    rows = []
    for i in range(draw(st.integers(1, most_loans))):
        born = draw(st.integers(0, 5))
        oldest = LAST - born
        entry = min(draw(st.sampled_from([0, 0, 0, 1, 2, 3])), oldest)
        last = draw(st.integers(entry, oldest))
        end = draw(st.sampled_from(["open", "stop", "prepaid", "matured", "charged_off"]))
        last = oldest if end == "open" else last
        left_out = draw(st.sets(st.integers(entry + 1, max(last - 1, entry + 1)), max_size=2))
        days = draw(
            st.lists(
                st.sampled_from([0, 0, 0, 10, 31, 61, 95]), min_size=last + 1, max_size=last + 1
            )
        )
        for mob in range(entry, last + 1):
            if mob in left_out and entry < mob < last:
                continue
            status = "delinquent" if days[mob] else "current"
            if mob == last and end in ("prepaid", "matured", "charged_off"):
                status = end
            late = days[mob] if status not in ("prepaid", "matured") else 0
            month_end = (START + born + mob).end_time.normalize()
            cohort = (START + born).start_time
            balance = 100 * (i + 1) - 7 * mob
            rows.append(
                (f"L{i:02d}", cohort, mob, month_end, balance, late, status, 3 + 3 * (i % 2))
            )
    names = ["loan_id", "cohort", "mob", "month_end", "balance", "dpd", "status", "term_months"]
    panel = pd.DataFrame(rows, columns=names)
    dates = {name: panel[name].astype("datetime64[us]") for name in ("cohort", "month_end")}
    return panel.assign(**dates, paid_amount=0)


@dataclass
class Loan:
    """One loan of a panel, row by row."""

    cohort: pd.Period
    rows: dict[int, tuple[int, str, int]]
    term: int

    @property
    def entry(self):
        return min(self.rows)

    @property
    def last(self):
        return max(self.rows)

    @property
    def end(self):
        status = self.rows[self.last][1]
        return status if status in ("prepaid", "matured", "charged_off") else None

    def past(self, mob, n):
        days, status, _ = self.rows[mob]
        return status == "charged_off" or days > (math.inf if n == "loss" else n)

    def first_past(self, n):
        return next((mob for mob in sorted(self.rows) if self.past(mob, n)), None)

    def vanishes(self, n, observed):
        """Whether its rows stop past due, at risk and before the last month."""
        stops = self.cohort + self.last < observed
        late = self.rows[self.last][0] > 0
        return stops and late and self.end is None and self.first_past(n) is None


def loans_of(panel):
    return [
        Loan(
            rows["cohort"].iloc[0].to_period("M"),
            {r.mob: (r.dpd, r.status, r.balance) for r in rows.itertuples()},
            int(rows["term_months"].iloc[0]),
        )
        for _, rows in panel.groupby("loan_id")
    ]


def last_month(panel):
    return panel["month_end"].max().to_period("M")


def recounted_cells(panel, n, *, ever, measure, freq, vanished):
    """(cohort, mob) -> past, base, followed, loans, passed just then; by month and loan."""
    observed = last_month(panel)
    loans = [loan for loan in loans_of(panel) if loan.entry == 0]
    cells = {}
    for cohort in {loan.cohort.asfreq(freq) for loan in loans}:
        members = [loan for loan in loans if loan.cohort.asfreq(freq) == cohort]
        for mob in range(LAST + 2):
            past = base = followed = added = 0
            for loan in members:
                if loan.cohort + mob > observed:
                    continue
                first, amount = loan.first_past(n), None
                if vanished == "event" and loan.vanishes(n, observed):
                    first, amount = loan.last + 1, loan.rows[loan.last][2]
                base += 1 if measure == "loans" else loan.rows[0][2]
                if ever:
                    hit = first is not None and first <= mob
                    seen = first is not None or loan.end is not None or mob <= loan.last
                    if hit and amount is None:
                        amount = loan.rows[first][2]
                else:
                    hit = mob in loan.rows and loan.past(mob, n)
                    seen = mob in loan.rows or (mob > loan.last and loan.end is not None)
                    amount = loan.rows[mob][2] if hit else None
                weight = (1 if measure == "loans" else amount) if hit else 0
                past += weight
                added += weight if ever and first == mob else 0
                followed += seen
            if followed:
                cells[cohort.start_time, mob] = (past, base, followed, len(members), added)
    return cells


def recounted_risk(panel, n, vanished):
    """Mob -> at risk, defaulted, prepaid, matured, censored: a loop over loans and months."""
    observed = last_month(panel)
    table = np.zeros((LAST + 2, 5), dtype=int)
    for loan in loans_of(panel):
        late = loan.entry > 0
        if late and (loan.past(loan.entry, n) or (loan.end and loan.last == loan.entry)):
            continue
        first = loan.first_past(n)
        leaves, kind = (loan.last, 4) if first is None else (first, 1)
        if first is None and loan.end in ("prepaid", "matured"):
            kind = 2 if loan.end == "prepaid" else 3
        if vanished == "event" and loan.vanishes(n, observed):
            leaves, kind = loan.last + 1, 1
        for mob in range(loan.entry + 1 if late else 0, leaves + 1):
            table[mob, 0] += 1
        table[leaves, kind] += 1
    return table
