"""Small odd panels of loans due on one day of the month, their days past due counted by date."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

START = np.datetime64("2023-11", "M")
A_DAY, A_MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


def last_day(month):
    return (month + A_MONTH).astype("datetime64[D]") - A_DAY


def panel_of(loans):
    """Panel from (month of disbursal after START, rows of balance, dpd, status) per loan."""
    records = [
        (f"L{i:03d}", mob, last_day(START + (born + mob) * A_MONTH), *row)
        for i, (born, rows) in enumerate(loans)
        for mob, row in enumerate(rows)
    ]
    panel = pd.DataFrame(
        records, columns=["loan_id", "mob", "month_end", "balance", "dpd", "status"]
    )
    return panel.assign(month_end=panel["month_end"].astype("datetime64[us]"))


@st.composite
def panels(draw):
    """Panel of a few loans due on one day of the month, their days past due counted by date."""
    loans = []
    for _ in range(draw(st.integers(1, 8))):
        born, day = draw(st.integers(0, 4)), draw(st.integers(1, 28))
        plan = draw(st.lists(st.sampled_from(["pay", "miss", "miss", "end", "off"]), max_size=7))
        balance, missed, rows = draw(st.integers(1, 1000)), 0, []
        rows.append((balance, 0, "current"))
        for mob, action in enumerate(plan, start=1):
            if action == "end":
                rows.append((0, 0, draw(st.sampled_from(["prepaid", "matured"]))))
                break
            missed = max(missed + (1 if action == "miss" else -1), 0)
            month = START + (born + mob) * A_MONTH
            first = (month - (missed - 1) * A_MONTH).astype("datetime64[D]")
            oldest = first + (day - 1) * A_DAY
            days = (last_day(month) - oldest).astype(int) if missed else 0
            off = action == "off" or rows[-1][2] == "charged_off"
            status = "charged_off" if off else "delinquent" if days else "current"
            rows.append((balance, int(days), status))
        loans.append((born, rows))
    return panel_of(loans)


@st.composite
def gapped_panels(draw):
    """Panel in which some months were not seen, so that loans enter late, have gaps or vanish."""
    panel = draw(panels())
    hidden = draw(st.lists(st.integers(0, len(panel) - 1), max_size=6))
    return panel.drop(index=hidden).reset_index(drop=True)
