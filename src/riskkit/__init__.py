"""Credit-risk modelling for small instalment loans."""

__version__ = "0.1.0"
