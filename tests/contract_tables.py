"""Small tables that hold to the contract."""

import pandas as pd


def panel(**loans):
    """Panel of loans given as (cohort, days past due at each month-end from month 0)."""
    parts = []
    for loan, (cohort, dpd) in loans.items():
        start = pd.Timestamp(cohort)
        ends = pd.date_range(start, periods=len(dpd), freq="ME")
        parts.append(
            pd.DataFrame(
                {
                    "loan_id": loan, "cohort": start, "mob": range(len(dpd)), "month_end": ends,
                    "due_amount": 0, "paid_amount": 0, "balance": 100, "dpd": dpd,
                    "status": ["delinquent" if d else "current" for d in dpd],
                    "recovered_amount": 0,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
