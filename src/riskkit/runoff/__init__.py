"""What cash the loans on the books and those to come will bring, on average and by simulation.

Files, in the order the data walks through them: `loans_in_default` (those that may still bring
something), `open_loans` (loans that still have to pay), `loans_of_book`, `planned_lending` (those
of today and those to come), `applications_in_view` (of which loans more is read than counts),
`followed_loans` (which are followed one by one), `nothing_ahead` (why none can be followed),
`moves` (how they move), `month_effects` (how far months differed), `climate_factor` (the climate
that all loans share ahead), `future_cash` (what comes of them, by path, group and month),
`loan_classes` (loans that move alike), `expected_cash` (the mean), `provisions_ahead` (what is set
aside for them), `drawn_recoveries` (the luck of what comes after a default), `path_blocks` and
`simulated_cash` (many courses of things), `path_quantiles` (what few of them exceed), `cash_spread`
(how far they scatter), `daily_lending` (what is paid out day by day, and ahead), `lending_outlook`
(the same for a page), `cash_profile` (when in a month cash comes).
"""

from riskkit.runoff.applications_in_view import applications_in_view
from riskkit.runoff.cash_profile import cash_profile, cash_profile_text, spread_over_days
from riskkit.runoff.cash_spread import spread_table, spread_text
from riskkit.runoff.climate_factor import ClimateFactor, estimate_factor, factor_of, factor_text
from riskkit.runoff.daily_lending import daily_lending, lending_paths
from riskkit.runoff.expected_cash import expected_cash
from riskkit.runoff.followed_loans import followed_loans
from riskkit.runoff.future_cash import AMOUNTS, FutureCash
from riskkit.runoff.lending_outlook import lending_table, lending_text, lending_weeks
from riskkit.runoff.loans_in_default import LoansInDefault
from riskkit.runoff.loans_of_book import open_loans
from riskkit.runoff.month_effects import month_effects
from riskkit.runoff.moves import Moves
from riskkit.runoff.nothing_ahead import nothing_ahead_text
from riskkit.runoff.open_loans import OpenLoans, joined
from riskkit.runoff.path_quantiles import quantile_interval
from riskkit.runoff.planned_lending import planned_loans
from riskkit.runoff.provisions_ahead import provisions_ahead
from riskkit.runoff.simulated_cash import simulated_cash

__all__ = [
    "AMOUNTS",
    "ClimateFactor",
    "FutureCash",
    "LoansInDefault",
    "Moves",
    "OpenLoans",
    "applications_in_view",
    "cash_profile",
    "cash_profile_text",
    "daily_lending",
    "estimate_factor",
    "expected_cash",
    "factor_of",
    "factor_text",
    "followed_loans",
    "joined",
    "lending_paths",
    "lending_table",
    "lending_text",
    "lending_weeks",
    "month_effects",
    "nothing_ahead_text",
    "open_loans",
    "planned_loans",
    "provisions_ahead",
    "quantile_interval",
    "simulated_cash",
    "spread_over_days",
    "spread_table",
    "spread_text",
]
