"""`python -m dustdevil` is the `dustdevil` command."""

import sys

from dustdevil.cli import main

sys.exit(main())
