"""`python -m datamem_cli` is the `datamem` command."""

from datamem_cli.main import main

if __name__ == "__main__":
    main()
