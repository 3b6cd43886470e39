"""`python -m relationalai_gnns._engine ARGUMENTS...` is `rle ARGUMENTS...`."""

import sys

from . import main

sys.exit(main())
