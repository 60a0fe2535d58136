"""The command line as ``python -m riskkit``."""

from riskkit.cli import main

if __name__ == "__main__":
    main()
