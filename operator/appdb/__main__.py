"""`python -m appdb` is `appdb`."""

from appdb.cli import main

if __name__ == "__main__":
    main()
