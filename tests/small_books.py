"""Small odd panels: loans that end at once, cure, are charged off, pay in part, or stay seen."""

import datetime

import numpy as np
import pandas as pd

LAST = pd.Timestamp("2024-12-31")


def first_day(months_ago):
    """First day of the month so many before the last one seen; negative: after it."""
    month = LAST.year * 12 + LAST.month - 1 - months_ago
    return datetime.date(month // 12, month % 12 + 1, 1)


def month_end(months_ago):
    return first_day(months_ago - 1) - datetime.timedelta(days=1)


def small_book(seed, n_loans=12):
    """A panel of random loans and their applications, two terms, amounts of a few hundred fen."""
    rng = np.random.default_rng(seed)
    rows, asked = [], []
    for number in range(n_loans):
        age = int(rng.integers(0, 18))
        term = int(rng.choice([3, 6]))
        start = first_day(age)
        amount = int(rng.integers(300, 900))
        balance, arrears, off = amount, 0, False
        for mob in range(age + 1):
            end = month_end(age - mob)
            due = mob > 0 and mob <= term and not off
            paid = recovered = 0
            status = "current"
            if off:
                recovered = int(rng.integers(0, balance + 1)) if rng.random() < 0.3 else 0
                balance -= recovered
                arrears += 1
                status = "charged_off"
            elif mob > 0 or rng.random() < 0.1:
                move = rng.random()
                # the later, the rarer the way back; what is due keeps falling due
                if move < (0.35 if arrears < 2 else 0.8):
                    arrears += 1 if due or arrears else 0
                elif (move < 0.85 and arrears >= 2) or move < 0.5:
                    paid = int(balance * rng.random() / 2) + 3
                    balance -= min(paid - 3, balance)
                elif move < 0.9:
                    paid, arrears = balance // 3 + 5 * arrears, 0
                    balance -= balance // 3
                else:
                    paid, balance, arrears = balance + 2, 0, 0
                    status = "prepaid" if mob < term else "matured"
                off = arrears >= 7
                status = "charged_off" if off else status
            # due on the 10th; a month has 30 or 31 days here and there
            due_date = first_day(age - mob + arrears - 1).replace(day=10)
            dpd = (end - due_date).days if arrears else 0
            if dpd > 0 and not off:
                status = "delinquent"
            rows.append([f"L{number:03d}", start, mob, end, paid, balance, dpd, status, recovered])
            if status in ("prepaid", "matured") or (off and rng.random() < 0.1):
                break
        asked.append([f"L{number:03d}", amount, term, 0.12 + 0.12 * float(rng.integers(0, 2))])
    columns = [
        "loan_id", "cohort", "mob", "month_end", "paid_amount", "balance", "dpd", "status",
        "recovered_amount",
    ]  # fmt: skip
    panel = pd.DataFrame(rows, columns=columns)
    dates = ["cohort", "month_end"]
    panel[dates] = panel[dates].apply(pd.to_datetime)
    terms = ["application_id", "amount", "term_months", "offer_apr"]
    return panel, pd.DataFrame(asked, columns=terms)


def states_of(loan):
    """States of one loan's rows in plain Python: 0..3, 4 from the first default on, 5 ended."""
    found, defaulted = [], False
    for row in loan.itertuples():
        defaulted = defaulted or row.dpd > 90 or row.status == "charged_off"
        if defaulted:
            found.append(4)
        elif row.status in ("prepaid", "matured"):
            found.append(5)
        elif row.dpd == 0:
            found.append(0)
        else:
            first_late = row.month_end - pd.Timedelta(days=row.dpd - 1)
            month = (row.month_end.year - first_late.year) * 12
            found.append(min(month + row.month_end.month - first_late.month + 1, 3))
    return found
