"""`python -m pager` is `pagerd`."""

from pager.cli.main import main

if __name__ == "__main__":
    main()
