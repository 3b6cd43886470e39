"""`python -m relationalai_gnns.retail FOLDER [--scale 0.01] [--seed 7] [--train-weeks 20]` writes made-up retail data."""

import argparse
import sys
import time

from ..errors import GNNError
from . import __doc__ as about
from . import make_retail


def main() -> int:
    """Writes the data that the arguments ask for; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m relationalai_gnns.retail", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="receives db/, tasks/, churn.yaml and purchases.yaml")
    parser.add_argument("--scale", type=float, default=0.01, help="1: 1.4 M customers, 106 k articles, 15.2 M transactions (default 0.01)")
    parser.add_argument("--seed", type=int, default=7, help="another one makes another shop (default 7)")
    parser.add_argument("--train-weeks", type=int, default=20, help="label times to train on (default 20)")
    args = parser.parse_args()
    started = time.perf_counter()
    try:
        folder = make_retail(args.folder, args.scale, args.seed, args.train_weeks)
    except GNNError as error:
        print(f"retail: {error}", file=sys.stderr)
        return 2
    print(f"{folder}/churn.yaml, {folder}/purchases.yaml: {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
