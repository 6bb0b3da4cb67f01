"""`python -m engine.cli`, where the `fermata` script is not on the path."""

from engine.cli import main

if __name__ == "__main__":
    main()
