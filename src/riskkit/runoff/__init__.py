"""What cash the loans on the books and those to come will bring, on average and by simulation.

Files, in the order the data walks through them: `open_loans` (loans that still have to pay),
`future_cash` (what comes of them, by path, group and month), `daily_lending` (what is paid out day
by day, and ahead), `lending_outlook` (the same for a page), `cash_profile` (when in a month cash
comes).
"""

from riskkit.runoff.cash_profile import cash_profile, cash_profile_text, spread_over_days
from riskkit.runoff.daily_lending import daily_lending, lending_paths
from riskkit.runoff.future_cash import AMOUNTS, FutureCash
from riskkit.runoff.lending_outlook import lending_table, lending_text, lending_weeks
from riskkit.runoff.open_loans import OpenLoans

__all__ = [
    "AMOUNTS",
    "FutureCash",
    "OpenLoans",
    "cash_profile",
    "cash_profile_text",
    "daily_lending",
    "lending_paths",
    "lending_table",
    "lending_text",
    "lending_weeks",
    "spread_over_days",
]
