"""Which light is on, since when, and whether it is more than chance.

Tables in: monthly counts (of `monitoring`, or any of the same columns), applications, and the
lights of the limits file. :func:`monthly_signs` and :func:`share_signs` say what was counted of
which light and when it was known; :func:`lights_history` gives each light's colour month by month,
by its limits and by moves beyond chance (:func:`portfolio_lights` all at once, from a portfolio);
:func:`light_table` the lights as they stand, with words and findings; :func:`useless_lights` names
those that nothing moves or that always are red.
"""

from riskkit.lights.colours import COLOURS, lights_history, months_by_light
from riskkit.lights.last_days import days_shown, days_table, days_text
from riskkit.lights.light_table import (
    attention_table,
    light_findings,
    light_table,
    lights_text,
    to_do_table,
)
from riskkit.lights.lights_page import light_figures, light_trends, lights_html, months_html
from riskkit.lights.one_month import applied_in, values_seen
from riskkit.lights.page_parameters import check_monitoring
from riskkit.lights.portfolio_lights import portfolio_lights
from riskkit.lights.reference import Watch
from riskkit.lights.signs import SIGNS, Sign, join_signs, monthly_signs, share_signs
from riskkit.lights.useless import inject_breaches, useless_lights, useless_text

__all__ = [
    "COLOURS",
    "SIGNS",
    "Sign",
    "Watch",
    "applied_in",
    "attention_table",
    "check_monitoring",
    "days_shown",
    "days_table",
    "days_text",
    "inject_breaches",
    "join_signs",
    "light_figures",
    "light_findings",
    "light_table",
    "light_trends",
    "lights_history",
    "lights_html",
    "lights_text",
    "monthly_signs",
    "months_by_light",
    "months_html",
    "portfolio_lights",
    "share_signs",
    "to_do_table",
    "useless_lights",
    "useless_text",
    "values_seen",
]
